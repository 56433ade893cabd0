"""Removes what a rebuild left in Redis, once somebody has acknowledged the alarm of it."""

import asyncio
from typing import Final

from lua.store import SaleStore
from sql.alarms import KeysLeft, keys_left, note_keys_removed
from sql.database import Database

# It only takes memory: whoever has just acknowledged is not kept waiting for anything.
PAUSE_SECONDS: Final = 5.0


class Remains:
    """Clears up after one sale."""

    def __init__(self, database: Database, store: SaleStore) -> None:
        self._database = database
        self._store = store

    async def run(self) -> None:
        """Clear up for ever. Raises the faults of both stores."""
        while True:
            for left in await keys_left(self._database, self._store.sale_id):
                await self._remove(left)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _remove(self, left: KeysLeft) -> None:
        """Redis frees the memory beside its other work; an alarm names few epochs."""
        for epoch in left.epochs:
            await self._store.discard(epoch)
        await note_keys_removed(self._database, left.alarm_id)
