"""A proxy between the door and a server, which loses what the test tells it to lose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class Fate(Enum):
    """What becomes of the next bytes."""

    PASS = auto()
    CUT_THE_REPLY = auto()  # the server has run the command; its answer is lost
    CUT_THE_REQUEST = auto()  # the server never hears of it
    HOLD_THE_REPLY = auto()  # until `release`


class Proxy:
    """Listens at `url`; set `fate` before the call that it is meant for.

    `passing` bytes of the next `length` go through before anything is cut.
    """

    def __init__(self, socket: Path, server_url: str) -> None:
        self.url = f"unix://{socket}"
        self.fate = Fate.PASS
        self.passing = self.length = 0
        self.replies_lost = 0
        self._server_socket = urlsplit(server_url).path
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let go of what was held."""
        self.fate = Fate.PASS
        self._released.set()

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until one side is gone."""
        server, to_server = await asyncio.open_unix_connection(self._server_socket)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(client, to_server))
                both.create_task(self._replies(server, to_client))
        except* (_Cut, ConnectionError):
            pass
        finally:
            to_server.close()
            to_client.close()

    async def _requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await client.read(CHUNK_BYTES):
            if self.fate is Fate.CUT_THE_REQUEST:
                await self._begin(data, server)
            server.write(data)
            await server.drain()
        raise _Cut

    async def _replies(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(CHUNK_BYTES):
            if self.fate is Fate.CUT_THE_REPLY:
                self.replies_lost += 1
                await self._begin(data, client)
            if self.fate is Fate.HOLD_THE_REPLY:
                await self._released.wait()
            client.write(data)
            await client.drain()
        raise _Cut

    async def _begin(self, data: bytes, to: asyncio.StreamWriter) -> None:
        """Let the beginning through, and cut the line."""
        self.length = len(data)
        to.write(data[: self.passing])
        await to.drain()
        raise _Cut


class _Cut(Exception):
    """Both sides are to be closed."""


@asynccontextmanager
async def proxy(folder: Path, server_url: str) -> AsyncIterator[Proxy]:
    """Run a proxy for the length of a block."""
    it = Proxy(folder / "proxy.sock", server_url)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await it.serve(reader, writer)

    listening = await asyncio.start_unix_server(serve, folder / "proxy.sock")
    yield it
    listening.close()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
