"""Somebody who watches one order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from buyer import Event, calling, events
from purchase import Till

# Of a test, before it fails.
PATIENCE_SECONDS = 10.0


class Viewer:
    """Somebody who watches one order."""

    def __init__(self, stream: AsyncIterator[Event]) -> None:
        self._stream = stream

    async def next(self) -> Event:
        """What is told next, besides that the stream lives."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (event := await anext(self._stream)).name == "heartbeat":
                pass
            return event

    async def told(self, name: str, state: str) -> Event:
        """Assert that this is told next, with the whole reservation."""
        event = await self.next()
        assert (event.name, event.data["state"]) == (name, state)
        return event

    async def ended(self) -> bool:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await anext(self._stream, None) is None


@asynccontextmanager
async def viewing(
    till: Till, *, ticket: str | None = None, last: str | None = None
) -> AsyncIterator[Viewer]:
    """Watch with a token, or with a ticket, from what was seen last."""
    headers = {"last-event-id": last} if last else {}
    if ticket is None:
        headers["authorization"] = f"Bearer {till.token}"
    query = f"?ticket={ticket}" if ticket else ""
    stream = events(till.shop.address, f"{till.path}/events{query}", headers)
    async with aclosing(stream):
        yield Viewer(stream)


async def asked(
    till: Till, method: str = "GET", query: str = "", **how: str
) -> tuple[int, dict[str, str]]:
    """Status and headers of the stream."""
    async with calling(till.shop.address) as line:
        lines = [f"{method} {till.path}/events{query} HTTP/1.1", "host: shop"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in how.items()]
        line._writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await line.receive_head()
