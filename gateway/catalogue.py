"""The gateway's copy of the list of sales, which outlives the ledger's absence."""

import asyncio
import logging
from typing import Final

from gateway.admission.reservation_id import sale_tag
from sql.database import Database
from sql.faults import LedgerFault
from sql.sales import SaleState, read_all

log = logging.getLogger(__name__)

# A new sale is found within this time; an attack with made-up ids costs one query in it.
FRESH_SECONDS: Final = 1.0


class Catalogue:
    """Sales that are no drafts, by id; drafts do not exist for the public."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sales: frozenset[str] = frozenset()
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._reading = asyncio.Lock()

    async def knows(self, sale_id: str) -> bool | None:
        """Whether there is such a sale; None where that cannot be told now."""
        if sale_id in self._sales:
            return True
        fresh = await self._refresh()
        return True if sale_id in self._sales else False if fresh else None

    async def with_tag(self, tag: bytes) -> list[str]:
        """The sales that reservation ids with this tag may belong to."""
        await self._refresh()
        return [sale_id for sale_id in self._sales if sale_tag(sale_id) == tag]

    async def _refresh(self) -> bool:
        """Read the list unless it was tried a moment ago; returns whether the copy is fresh."""
        loop = asyncio.get_running_loop()
        async with self._reading:
            if loop.time() - self._tried_at > FRESH_SECONDS:
                self._tried_at = loop.time()
                await self._read()
            return loop.time() - self._read_at <= FRESH_SECONDS

    async def _read(self) -> None:
        try:
            sales = await read_all(self._database)
        except LedgerFault as fault:
            log.warning("the list of sales is not fresh: %s", fault)
            return
        self._sales = frozenset(each.id for each in sales if each.state != SaleState.DRAFT)
        self._read_at = asyncio.get_running_loop().time()
