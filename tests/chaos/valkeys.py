"""A Valkey and its replica, behind addresses that lead to whichever is the primary."""

import asyncio
import os
import random
import resource
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from acceptance.kept_shop import until_true
from chaos.link import Link, listening_at, listening_on_a_port

from doorbuster.child import launch
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Command, Process
from lua.faults import RedisFault
from lua.replies import text
from lua.server import Server
from reconciler.server_facts import rewrite_log

STOP_SECONDS = 5
LINKED_SECONDS = 20.0
ENDED_SECONDS = 0.1
# A replica asks anew once a second, and a primary should not let it wait for company.
OPTIONS = {"repl-diskless-sync-delay": "0", "repl-backlog-size": "16mb"}
UNLIMITED = resource.RLIM_INFINITY
ONE_REPLICA = {"min-replicas-to-write": "1", "min-replicas-max-lag": "2"}


class Patient(EmbeddedValkey):
    """A server that is told of a file which may not grow any more as of a disk that is full.

    Otherwise the kernel ends it at once, with SIGXFSZ.
    """

    async def prepare(self) -> Command:
        """Let it ignore the signal, which it inherits."""
        command = await super().prepare()
        return replace(command, argv=["/usr/bin/env", "--ignore-signal=XFSZ", *command.argv])


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
        child = Patient(directory=self.folder, options=self._options | follow)
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

    def fill_disk(self, left: int) -> None:
        """Let its log grow by so many bytes, and no file become longer than that."""
        file = self._newest_log()
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (file.stat().st_size + left, UNLIMITED))

    async def free_disk(self) -> None:
        """Let its files grow again, and start it if it has ended because they could not.

        One that goes on rewrites its log, as docs/operations/running.md says: what Redis 7.0.15 and
        Valkey 9.1.2 leave of a write that failed may not be readable.
        """
        with suppress(ProcessLookupError):
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
        if await self.has_ended():
            await self.start()
        async with Server(self.server.url) as server:
            while not await rewrite_log(server):
                pass

    async def has_ended(self) -> bool:
        """Whether the process has ended by itself."""
        assert self._process is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDED_SECONDS):
                await self._process.wait()
                return True
        return False

    async def copy(self) -> None:
        """Keep a copy of the data as they are now, torn or not; again if a file went meanwhile."""
        while True:
            shutil.rmtree(self._copy, ignore_errors=True)
            with suppress(shutil.Error):
                await asyncio.to_thread(shutil.copytree, self._logs, self._copy)
                return

    def restore(self) -> None:
        """Bring the copy back; the server must not be running."""
        shutil.rmtree(self._logs)
        self._copy.rename(self._logs)

    def cut_log(self, length: int) -> None:
        """Take so many bytes off the end of the append-only file, as a power cut would."""
        file = self._newest_log()
        os.truncate(file, max(file.stat().st_size - length, 0))

    def _newest_log(self) -> Path:
        return max(self._logs.glob("*.incr.aof"), key=lambda each: each.stat().st_mtime_ns)

    @property
    def _logs(self) -> Path:
        return self.folder / "appendonlydir"

    @property
    def _copy(self) -> Path:
        return self.folder / "older"


class Valkeys:
    """`front` is what gateways and reconcilers are connected to, `wire` what the replica is.

    `side` is the front of one gateway alone, which may be left behind with an old primary.
    """

    def __init__(self, folder: Path, options: Mapping[str, str], rng: random.Random) -> None:
        self.primary = Node(folder / "one", options)
        self.replica = Node(folder / "two", options)
        self.front = Link(self._connect, rng)
        self.side = Link(self._connect_side, rng)
        self.wire = Link(self._connect_port, rng)
        self._sockets = folder / "front.sock", folder / "side.sock"
        self.url, self.side_url = [f"unix://{socket}" for socket in self._sockets]
        self._left_behind: Node | None = None
        self._wire_port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Valkeys"]:
        async with (
            listening_at(self.front, self._sockets[0]),
            listening_at(self.side, self._sockets[1]),
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
        if self._left_behind is None:
            self.side.cut()

    async def isolate(self) -> None:
        """Fail over while the old primary lives, and one gateway goes on with it."""
        self._left_behind = self.primary
        await self.fail_over()

    async def rejoin(self) -> None:
        """End the old primary; the gateway that was left behind finds the new one."""
        await self.replica.kill()
        self._left_behind = None
        self.side.cut()

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

    async def _connect_side(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        node = self._left_behind or self.primary
        return await asyncio.open_unix_connection(node.server.socket)

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
