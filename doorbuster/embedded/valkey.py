"""An embedded Valkey, or Redis: one data folder, one Unix socket, every write on disk."""

import asyncio
import signal
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote

from doorbuster import leftover
from doorbuster.embedded.binaries import find_valkey
from doorbuster.embedded.places import socket_folder
from doorbuster.process import Command

SOCKET_NAME: Final = "valkey.sock"
STOP_SECONDS: Final = 10.0  # for a leftover: it may have an append-only file to finish
POLL_SECONDS: Final = 0.005

OPTIONS: Final[Mapping[str, str]] = {
    "port": "0",  # no TCP: who may reach the socket is a question of file modes
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "always",  # what the durability level `fsync` promises
    "save": "",  # the append-only file is the only truth
    "maxmemory-policy": "noeviction",  # an evicted reservation would be a lost one
}


class EmbeddedValkey:
    """A server in a directory of its own; `options` are added to ours, or replace them."""

    name = "valkey"

    def __init__(
        self,
        *,
        directory: Path,
        binary: Path | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.binary = binary or find_valkey()
        self.options = {**OPTIONS, **(options or {})}
        self._pid_file = self.directory / "valkey.pid"

    @cached_property
    def socket(self) -> Path:
        """The path of the socket."""
        folder = socket_folder(self.directory, socket_name=SOCKET_NAME, account=None)
        return folder / SOCKET_NAME

    @property
    def url(self) -> str:
        """What a client connects to."""
        return f"unix://{quote(str(self.socket))}"

    async def prepare(self) -> Command:
        """Make the folder, end what a killed parent left in it, and return how to start."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await leftover.end(self._pid_file, stop_signal=signal.SIGTERM, seconds=STOP_SECONDS)
        return Command(
            name=self.name,
            argv=[self.binary, *self._arguments()],
            orphan_signal=signal.SIGTERM,  # it then closes its files in order
            log=self.directory / "valkey.log",
            pid_file=self._pid_file,
        )

    async def ready(self) -> None:
        """Return once it answers; while it loads its file it does not."""
        while not await self._answers():
            await asyncio.sleep(POLL_SECONDS)

    def _arguments(self) -> list[str]:
        places = {"dir": str(self.directory), "unixsocket": str(self.socket)}
        named = self.options | places
        return [part for name, value in named.items() for part in (f"--{name}", value)]

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        finally:
            writer.close()
            await writer.wait_closed()
