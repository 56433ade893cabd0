"""A proxy in front of Postgres that can lose the answer to a COMMIT."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

CHUNK_BYTES = 65536
SOCKET_NAME = ".s.PGSQL.5432"
NEVER = -1


class LedgerProxy:
    """Listens at `url`; `lost` counts the answers that never came."""

    def __init__(self, folder: Path, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._server = f"{parse_qs(parts.query)['host'][0]}/{SOCKET_NAME}"
        self.url = parts._replace(query=f"host={quote(str(folder))}").geturl()
        self.lost = 0
        self._commits_left = NEVER

    def lose_next_commit(self) -> None:
        self.lose_commit(0)

    def lose_commit(self, number: int) -> None:
        """Lose the answer to the commit after so many others."""
        self._commits_left = number

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until one side is gone."""
        server, to_server = await asyncio.open_unix_connection(self._server)
        back = asyncio.ensure_future(self._carry(server, to_client))
        try:
            with suppress(ConnectionError):
                await self._carry_until_lost(client, server, to_server, back)
        finally:
            back.cancel()
            for writer in (to_server, to_client):
                writer.close()

    async def _carry_until_lost(
        self,
        client: asyncio.StreamReader,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        back: "asyncio.Future[None]",
    ) -> None:
        while data := await client.read(CHUNK_BYTES):
            to_server.write(data)
            if self._is_to_be_lost(data):
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
                await server.read(CHUNK_BYTES)  # committed, and nobody hears of it
                self.lost += 1
                return

    def _is_to_be_lost(self, data: bytes) -> bool:
        if b"COMMIT" not in data:
            return False
        self._commits_left -= 1
        return self._commits_left == -1

    async def _carry(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await server.read(CHUNK_BYTES):
                to_client.write(data)
        to_client.close()


@asynccontextmanager
async def ledger_proxy(folder: Path, database_url: str) -> AsyncIterator[LedgerProxy]:
    """Run a proxy for the length of a block."""
    proxy = LedgerProxy(folder, database_url)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await proxy.serve(reader, writer)

    listening = await asyncio.start_unix_server(serve, folder / SOCKET_NAME)
    yield proxy
    listening.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
