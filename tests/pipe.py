"""A connection for streams, without a socket under it."""

import asyncio

from starlette.types import Message

from gateway.streams.frame import NOTHING_SEEN, Mark
from gateway.streams.stream import Stream


class Pipe:
    """A connection that can be full, as uvicorn tells it: `send` waits before it writes."""

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self.received: list[bytes] = []
        self.attempts = 0
        self.aborted = False

    async def send(self, message: Message) -> None:
        """Wait for room, then write."""
        self.attempts += 1
        if not self.writable.is_set():
            await self.writable.wait()
        self.received.append(message["body"])

    def stream(self, seen: Mark = NOTHING_SEEN) -> Stream:
        """A stream over it."""
        scope = {"extensions": {"doorbuster.abort": {"call": self._abort}}}
        return Stream(scope, self.send, seen=seen, expires_at=0)

    def _abort(self) -> None:
        self.aborted = True
