"""An embedded Postgres: one data folder, one Unix socket, whoever starts it."""

import asyncio
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg

from doorbuster import leftover
from doorbuster.embedded.account import unprivileged
from doorbuster.embedded.binaries import find_postgres
from doorbuster.embedded.places import give, socket_folder
from doorbuster.embedded.runnable import runnable_by_all
from doorbuster.process import Command, run

USER: Final = "doorbuster"
DATABASE: Final = "doorbuster"
LONGEST_SOCKET_NAME: Final = ".s.PGSQL.5432.lock"
STOP_SECONDS: Final = 10.0  # for a leftover: its last checkpoint
POLL_SECONDS: Final = 0.01
# LANG: messages that we show must not depend on who starts us. PATH: initdb calls `sh`.
ENVIRONMENT: Final[Mapping[str, str]] = {"LANG": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}

OPTIONS: Final[Mapping[str, str]] = {
    "listen_addresses": "",  # no TCP: who may reach the socket is a question of file modes
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "log_checkpoints": "off",  # a line every five minutes, in a log that nobody rotates
}


class EmbeddedPostgres:
    """A server in a directory of its own; `options` are added to ours, or replace them."""

    name = "postgres"

    def __init__(
        self,
        *,
        directory: Path,
        programs: Path | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.account = unprivileged()
        self.programs = programs or find_postgres()
        self.options = {**OPTIONS, **(options or {})}
        self._data = self.directory / "data"
        self._pid_file = self.directory / "postgres.pid"

    @property
    def url(self) -> str:
        """What a client connects to."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the URL of another database of the server."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self._socket_folder))}"

    async def prepare(self) -> Command:
        """Make the folder, end what a killed parent left in it, and return how to start."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await leftover.end(self._pid_file, stop_signal=signal.SIGINT, seconds=STOP_SECONDS)
        if not self._data.exists():
            await self._create_data()
        self._remove_stale_lock()
        return self._command(self._data, "postgres", *self._server_arguments())

    async def ready(self) -> None:
        """Return once it takes connections and has our database."""
        while not await self._has_database():
            await asyncio.sleep(POLL_SECONDS)

    async def _create_data(self) -> None:
        """Create under another name and rename: what was interrupted is never taken for data."""
        draft = self.directory / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        give(draft, self.account)
        arguments = ["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
        await run(self._command(draft, "initdb", *arguments))
        draft.rename(self._data)

    def _command(self, data: Path, program: str, *arguments: str) -> Command:
        programs = runnable_by_all(self.programs) if self.account else self.programs
        # Root's folders are closed to the account. The child enters the data folder while it is
        # still root, and names it by where it stands.
        folder = data if not self.account else "/proc/self/cwd"
        return Command(
            name=program,
            argv=[programs / program, "-D", folder, *arguments],
            environment=ENVIRONMENT,
            folder=data,
            account=self.account,
            stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
            orphan_signal=signal.SIGINT,
            log=self.directory / "postgres.log",
            pid_file=self._pid_file if program == self.name else None,
        )

    def _server_arguments(self) -> list[str]:
        named = self.options | {"unix_socket_directories": str(self._socket_folder)}
        return [part for name, value in named.items() for part in ("-c", f"{name}={value}")]

    @cached_property
    def _socket_folder(self) -> Path:
        return socket_folder(self.directory, socket_name=LONGEST_SOCKET_NAME, account=self.account)

    def _remove_stale_lock(self) -> None:
        """Postgres takes any process with the id in its lock file for a living server.

        After a reboot, or in a restarted container, that id is often somebody else's. We ended
        our own server above, so the lock is nobody's.
        """
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    async def _has_database(self) -> bool:
        with suppress(OSError, asyncpg.CannotConnectNowError):
            connection = await asyncpg.connect(self.url_of("postgres"))
            try:
                with suppress(asyncpg.DuplicateDatabaseError):
                    await connection.execute(f"CREATE DATABASE {DATABASE}")
                return True
            finally:
                await connection.close()
        return False
