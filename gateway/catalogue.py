"""The gateway's copy of the list of sales, which outlives the ledger's absence."""

import asyncio
import logging
from typing import Final

from gateway.admission.reservation_id import sale_tag
from sql.database import Database
from sql.faults import LedgerFault
from sql.sales import SaleState, read_all

log = logging.getLogger(__name__)

# Whoever asks for what does not exist waits for a reading that begins after the question, or a
# sale would be denied right after its opening. All who ask meanwhile share it, so that an attack
# with made-up ids costs ten queries a second.
SPACING_SECONDS: Final = 0.1


class Catalogue:
    """Sales that are no drafts, by id; drafts do not exist for the public."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sales: set[str] = set()
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._reading = asyncio.Lock()
        self._complained = False

    def learn(self, sale_id: str) -> None:
        """Take note of a sale that Redis has: it was opened, whether the ledger answers or not."""
        self._sales.add(sale_id)

    async def knows(self, sale_id: str) -> bool | None:
        """Whether there is such a sale; None where that cannot be told now."""
        if sale_id in self._sales:
            return True
        fresh = await self._refresh()
        return True if sale_id in self._sales else False if fresh else None

    async def with_tag(self, tag: bytes) -> list[str] | None:
        """The sales that reservation ids with this tag belong to; None where that cannot be told.

        It is one, unless two sales of four billion share their tag.
        """
        found = self._tagged(tag)
        fresh = bool(found) or await self._refresh()
        return self._tagged(tag) if fresh else None

    def _tagged(self, tag: bytes) -> list[str]:
        return [sale_id for sale_id in self._sales if sale_tag(sale_id) == tag]

    async def _refresh(self) -> bool:
        """Have the list read after this call; False where it cannot be."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        async with self._reading:
            if self._tried_at < asked_at:
                await asyncio.sleep(self._tried_at + SPACING_SECONDS - loop.time())
                self._tried_at = loop.time()
                await self._read()
        return self._read_at >= asked_at

    async def _read(self) -> None:
        try:
            sales = await read_all(self._database)
        except LedgerFault as fault:
            if not self._complained:
                log.warning("the list of sales is not fresh: %s", fault)
            self._complained = True
            return
        self._complained = False
        self._sales.update(each.id for each in sales if each.state != SaleState.DRAFT)
        self._read_at = self._tried_at
