"""Somebody who watches a sale's stock, as a browser does: connected again whenever it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from buyer import Event, events
from waiting import until

# A browser would wait as long as `retry` says; a test has no time for that.
RETRY_SECONDS = 0.05


class Watcher:
    """`seen` are the snapshots and changes so far, `connections` how often it had to connect."""

    def __init__(self, address: tuple[str, int], sale_id: str) -> None:
        self.seen: list[Event] = []
        self.connections = 0
        self._address = address
        self._path = f"/v1/sales/{sale_id}/events"

    @property
    def left(self) -> list[int]:
        """How many LAMP-1 were left, each time that this changed."""
        counts = [event.data["items"][0]["available"] for event in self.seen]
        return [
            count for before, count in zip([None, *counts], counts, strict=False) if count != before
        ]

    @property
    def state(self) -> str:
        """What the sale's state was when it was last heard of."""
        return str(self.seen[-1].data["state"])

    async def until_left(self, count: int, *, seconds: float = 2.0) -> None:
        """Wait until so many are left."""
        await until(lambda: self.left[-1:] == [count], seconds=seconds)

    async def until_fewer_than(self, count: int, *, seconds: float = 2.0) -> None:
        """Wait until fewer are left: changes that come together are told as one."""
        await until(lambda: self.left[-1] < count, seconds=seconds)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._watch()
            await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self) -> None:
        last = {"last-event-id": self.seen[-1].id} if self.seen else None
        async with aclosing(events(self._address, self._path, last)) as stream:
            self.connections += 1
            async for event in stream:
                if event.name in {"snapshot", "stock"}:
                    self.seen.append(event)


@asynccontextmanager
async def watching(address: tuple[str, int], sale_id: str) -> AsyncIterator[Watcher]:
    """A watcher who has seen the first snapshot, for the length of a block."""
    watcher = Watcher(address, sale_id)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watcher.run())
        try:
            await until(lambda: bool(watcher.seen))
            yield watcher
        finally:
            task.cancel()
