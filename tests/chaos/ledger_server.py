"""A Postgres that dies, comes back, and comes back older than it was."""

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path

import asyncpg

from doorbuster.child import launch
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.process import Process

STOP_SECONDS = 10
TERMINATE_ALL = """
select pg_terminate_backend(pid) from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid()
"""


OPTIONS = {
    "max_connections": "80",
    # One call for the whole disk, where the default opens each of a thousand files anew.
    "recovery_init_sync_method": "syncfs",
}


class LedgerServer:
    """Every commit is on its disk before it is acknowledged."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(directory=folder, options=OPTIONS)
        self._process: Process | None = None
        self.url = self._server.url

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        self._process = await launch(self._server)

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop(seconds=STOP_SECONDS)

    async def stop_immediately(self) -> None:
        """As `pg_ctl stop -m immediate`: it has to recover from its log afterwards."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGQUIT)
        await self._process.wait()

    async def terminate_connections(self) -> None:
        """Throw every client out, whatever it is in the middle of."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(TERMINATE_ALL)
        finally:
            await connection.close()

    async def copy(self) -> float:
        """Keep a copy of the data, taken while nothing writes to it; returns when that was."""
        await self.stop()
        copied_at = time.monotonic()
        await _copy(self._data, self._base)
        await self.start()
        return copied_at

    async def restore(self) -> None:
        """Come back as it was when the copy was taken."""
        await self.stop()
        await asyncio.to_thread(shutil.rmtree, self._data)
        self._base.rename(self._data)
        await self.start()

    @property
    def _data(self) -> Path:
        return self._server._data

    @property
    def _base(self) -> Path:
        return self._data.with_name("base")


async def _copy(source: Path, target: Path) -> None:
    """With owners and modes, which Postgres insists on."""
    process = await asyncio.create_subprocess_exec("cp", "-a", str(source), str(target))
    assert await process.wait() == 0
