"""A Valkey and its replica, behind one address that leads to whichever is the primary."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from acceptance.kept_shop import until_true
from chaos.link import Link, listening_at, listening_on_a_port

from doorbuster.child import launch
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Process
from lua.faults import RedisFault
from lua.replies import text
from lua.server import Server

STOP_SECONDS = 5
LINKED_SECONDS = 20.0
# A replica asks anew once a second, and a primary should not let it wait for company.
OPTIONS = {"repl-diskless-sync-delay": "0", "repl-backlog-size": "16mb"}
ONE_REPLICA = {"min-replicas-to-write": "1", "min-replicas-max-lag": "2"}


class Node:
    """One server process and its folder."""

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = _free_port()
        self._options = {"port": str(self.port), **options}
        self._process: Process | None = None

    @property
    def server(self) -> EmbeddedValkey:
        return EmbeddedValkey(directory=self.folder, options=self._options)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, replica_of: int | None = None) -> None:
        follow = {"replicaof": f"127.0.0.1 {replica_of}"} if replica_of else {}
        child = EmbeddedValkey(directory=self.folder, options=self._options | follow)
        self._process = await launch(child)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop(seconds=STOP_SECONDS)

    async def command(self, *words: str | int) -> str:
        """One command, sent past every proxy."""
        async with Server(self.server.url) as server:
            return text(await server.command(*words))

    def cut_log(self, length: int) -> None:
        """Take so many bytes off the end of the append-only file, as a power cut would."""
        files = (self.folder / "appendonlydir").glob("*.incr.aof")
        file = max(files, key=lambda each: each.stat().st_mtime_ns)
        os.truncate(file, max(file.stat().st_size - length, 0))


class Valkeys:
    """`front` is what gateways and reconcilers are connected to, `wire` what the replica is."""

    def __init__(self, folder: Path, options: Mapping[str, str], rng: random.Random) -> None:
        self.primary = Node(folder / "one", options)
        self.replica = Node(folder / "two", options)
        self.front = Link(self._connect, rng)
        self.wire = Link(self._connect_port, rng)
        self.url = f"unix://{folder / 'front.sock'}"
        self._socket = folder / "front.sock"
        self._wire_port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Valkeys"]:
        async with (
            listening_at(self.front, self._socket),
            listening_on_a_port(self.wire) as self._wire_port,
        ):
            try:
                await self.primary.start()
                await self.follow()
                yield self
            finally:
                await asyncio.gather(self.primary.stop(), self.replica.stop())

    async def follow(self) -> None:
        """Start the replica; `linked` says when it has what the primary has."""
        await self.replica.start(self._wire_port)

    async def linked(self) -> None:
        """Return once the replica follows the primary."""
        await until_true(self._is_linked, seconds=LINKED_SECONDS)

    async def fail_over(self) -> None:
        """Make the replica the primary; the old one, which is dead, is to follow it later."""
        self.wire.cut()
        await self.replica.command("REPLICAOF", "NO", "ONE")
        self.primary, self.replica = self.replica, self.primary
        self.wire.resume()
        self.front.cut()

    async def demote_and_promote(self, seconds: float) -> None:
        """Let the primary follow nobody for a moment: the same process, another history."""
        await self.primary.command("REPLICAOF", "127.0.0.1", "1")
        await asyncio.sleep(seconds)
        await self.primary.command("REPLICAOF", "NO", "ONE")

    async def _is_linked(self) -> bool:
        try:
            facts = await self.primary.command("INFO", "replication")
            following = await self.replica.command("INFO", "replication")
        except RedisFault:
            return False
        return "state=online" in facts and "master_link_status:up" in following

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.primary.server.socket)

    async def _connect_port(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.primary.port)


def options_for(level: str) -> dict[str, str]:
    """What the servers must be told so that the level can be proven of them."""
    fsync = {"appendfsync": "everysec" if level == "memory" else "always"}
    return OPTIONS | fsync | (ONE_REPLICA if level == "replicated" else {})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
