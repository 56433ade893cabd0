"""A proxy in front of a server that may be exchanged, and whose replies may be late or lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

CHUNK_BYTES = 65536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


class Link:
    """`connect` reaches the server of the moment.

    `loss` is the chance that a reply is lost, with its connection, after the server has acted;
    `delay_seconds` is how late each reply may be. Nothing comes back while the link is held.
    """

    def __init__(self, connect: Connect, rng: random.Random) -> None:
        self.connect = connect
        self.loss = 0.0
        self.delay_seconds = 0.0
        self.replies_lost = 0
        self._rng = rng
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self) -> None:
        """Let nothing come back until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let go of what was held, and of what comes."""
        self._flowing.set()

    def cut(self) -> None:
        """End every connection; what is held on them is gone."""
        for task in self._tasks:
            task.cancel()

    async def accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until one side is gone."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._carry(client, to_client)
        finally:
            self._tasks.discard(task)
            to_client.close()

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await self.connect()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(client, to_server))
                both.create_task(self._replies(server, to_client))
        except* (_Ended, OSError):
            pass
        finally:
            to_server.close()

    async def _requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await client.read(CHUNK_BYTES):
            server.write(data)
            await server.drain()
        raise _Ended

    async def _replies(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(CHUNK_BYTES):
            await self._flowing.wait()
            if self.delay_seconds:
                await asyncio.sleep(self._rng.random() * self.delay_seconds)
            if self._rng.random() < self.loss:
                self.replies_lost += 1
                raise _Ended
            client.write(data)
            await client.drain()
        raise _Ended


class _Ended(Exception):
    """Both sides are to be closed."""


@asynccontextmanager
async def listening_at(link: Link, socket: Path) -> AsyncIterator[None]:
    """Take connections at a Unix socket for the length of a block."""
    server = await asyncio.start_unix_server(link.accept, socket)
    try:
        yield
    finally:
        server.close()
        link.cut()


@asynccontextmanager
async def listening_on_a_port(link: Link) -> AsyncIterator[int]:
    """Take connections on a port of the loopback for the length of a block."""
    server = await asyncio.start_server(link.accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        link.cut()
