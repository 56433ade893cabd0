"""Hears of what gateways have seen and Redis lost, also when they report it after a recovery."""

import asyncio
from typing import Final

from lua import keys
from lua.replies import mapping
from lua.store import SaleStore
from reconciler.follower import Follower, NeedsRecovery
from sql.alarms import note_witnesses
from sql.database import Database

# A report changes nothing any more but what an operator knows.
PAUSE_SECONDS: Final = 1.0


class Witnesses:
    """Copies the reports of one sale into the ledger."""

    def __init__(self, database: Database, store: SaleStore, follower: Follower) -> None:
        self._database = database
        self._store = store
        self._follower = follower
        self._heard: dict[int, int] = {}

    async def run(self) -> None:
        """Listen for ever. Raises NeedsRecovery and the faults of both stores."""
        while True:
            seen = await self._read()
            if seen != self._heard:
                await note_witnesses(self._database, self._store.sale_id, seen)
                self._heard = seen
            self._check(seen)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self) -> dict[int, int]:
        name = keys.seen(self._store.sale_id)
        seen = mapping(await self._store.server.command("HGETALL", name))
        return {int(epoch): int(version) for epoch, version in seen.items()}

    def _check(self, seen: dict[int, int]) -> None:
        """Whoever knows a later epoch refuses this one for ever: both stores went back."""
        checkpoint, latest = self._follower.checkpoint, max(seen, default=0)
        if checkpoint is not None and latest > checkpoint.epoch:
            raise NeedsRecovery(f"somebody has seen epoch {latest}, the ledger {checkpoint.epoch}")
