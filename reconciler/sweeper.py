"""Expires unpaid holds in the ledger, which then asks Redis to take their units back."""

import asyncio
import time
from datetime import timedelta
from typing import Final

from lua.hints import hint
from lua.store import SaleStore
from reconciler.leisure import Leisure
from reconciler.metrics import Metrics
from sql.database import Database
from sql.settlement import expire, tick_hold_clock

PAUSE_SECONDS: Final = 0.4
# Locks the rows of so many holds, and the items with them, for some 20 ms.
HOLDS_AT_ONCE: Final = 1000
HEARTBEAT_SECONDS: Final = 1.0
# Longer without a heartbeat than this counts as an outage, and holds get back what it took. It
# covers a lease that runs out and is taken by another reconciler.
USUAL_PAUSE: Final = timedelta(seconds=5)


class Sweeper:
    """Sweeps one sale."""

    def __init__(
        self, database: Database, store: SaleStore, metrics: Metrics, leisure: Leisure
    ) -> None:
        self._database = database
        self._server = store.server
        self._sale_id = store.sale_id
        self._metrics = metrics
        self._leisure = leisure
        self._ticked_at = 0.0

    async def run(self) -> None:
        """Sweep for ever. Raises `sql.faults.LedgerFault`."""
        while True:
            await self._tick()
            if await self._expire() < HOLDS_AT_ONCE:
                await asyncio.sleep(self._leisure.pause(PAUSE_SECONDS))

    async def _expire(self) -> int:
        expired = await expire(
            self._database, self._sale_id, count=HOLDS_AT_ONCE, usual_pause=USUAL_PAUSE
        )
        self._metrics.expired.inc(expired)
        if expired:
            await hint(self._server, self._sale_id)
        return expired

    async def _tick(self) -> None:
        now = time.monotonic()
        if now - self._ticked_at > HEARTBEAT_SECONDS:
            await tick_hold_clock(self._database, self._sale_id, USUAL_PAUSE)
            self._ticked_at = now
