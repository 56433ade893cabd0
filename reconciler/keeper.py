"""Keeps one sale: follows its history, relays, sweeps, and recovers when it must."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from lua.faults import RedisFault
from lua.server import Server
from lua.store import SaleStore
from reconciler.follower import Follower, NeedsRecovery
from reconciler.recovery import Abandoned, Recovery
from reconciler.relay import Relay
from reconciler.sweeper import Sweeper
from sql.database import Database
from sql.faults import LedgerFault
from sql.ledger import read_checkpoint
from sql.sales import Sale

log = logging.getLogger(__name__)

# Short enough that a sale is open again well within a second of its server being back.
RETRY_SECONDS: Final = 0.05
# A defect must not spin, and must not take the other sales' keepers with it.
DEFECT_SECONDS: Final = 2.0


class Keeper:
    """Keeps one sale until it is cancelled."""

    def __init__(self, database: Database, server: Server, sale: Sale) -> None:
        store = SaleStore(server, sale.id)
        self._database = database
        self._sale_id = sale.id
        self._follower = Follower(database, store, hold_seconds=sale.hold_seconds)
        self._relay = Relay(database, store, self._follower)
        self._sweeper = Sweeper(database, sale.id)
        self._recovery = Recovery(database, store, hold_seconds=sale.hold_seconds)
        self._recovering = asyncio.Lock()
        self._complaint = ""

    async def run(self) -> None:
        """Follow, relay and sweep side by side; whatever fails is tried again."""
        async with asyncio.TaskGroup() as tasks:
            for part in (self._follower.run, self._relay.run, self._sweeper.run):
                tasks.create_task(self._again_and_again(part))

    async def _again_and_again(self, part: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await self._once(part)
            except (RedisFault, LedgerFault, Abandoned) as fault:
                self._complain(f"{type(fault).__name__}: {fault}")
                await asyncio.sleep(RETRY_SECONDS)
            # A defect met in one sale must not stop the others; it is logged with its traceback.
            except Exception:
                log.exception("sale %s: unforeseen", self._sale_id)
                await asyncio.sleep(DEFECT_SECONDS)

    async def _once(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except NeedsRecovery as need:
            await self._recover(need)

    async def _recover(self, need: NeedsRecovery) -> None:
        met = self._follower.checkpoint
        async with self._recovering:
            now = await read_checkpoint(self._database, self._sale_id)
            # Where the epoch moved meanwhile, somebody has recovered, or is at it.
            if met is not None and now.epoch == met.epoch:
                self._complain(str(need))
                await self._recovery.run(str(need), rebuild=need.rebuild)

    def _complain(self, complaint: str) -> None:
        """Say it once, not at every attempt."""
        if complaint != self._complaint:
            log.warning("sale %s: %s", self._sale_id, complaint)
            self._complaint = complaint
