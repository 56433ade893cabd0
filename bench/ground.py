"""The servers that a subject stands on, the same for all: started anew for each measurement."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bench.peer import free_address
from doorbuster.child import Child, launch
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Command, Process

STOP_SECONDS: Final = 5.0
# What the level `fsync` promises is the default; the others cannot promise it.
EVERY_SECOND: Final = {"appendfsync": "everysec"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A child whose output goes into a file."""

    child: Child
    log: Path

    @property
    def name(self) -> str:
        """The child's."""
        return self.child.name

    async def prepare(self) -> Command:
        """How to start it."""
        return replace(await self.child.prepare(), log=self.log)

    async def ready(self) -> None:
        """Return once the child is ready."""
        await self.child.ready()


@dataclass(slots=True, kw_only=True)
class Ground:
    """A folder of its own, and what was started on it, by what its figures are called."""

    folder: Path
    processes: dict[str, int] = field(default_factory=dict)
    _stack: AsyncExitStack

    async def start(self, child: Child, *, called: str) -> Process:
        """Start it; it is stopped before what was started earlier."""
        process = await launch(Logged(child=child, log=self.folder / f"{called}.log"))
        self._stack.push_async_callback(process.stop, seconds=STOP_SECONDS)
        self.processes[called] = process.pid
        return process

    async def redis(self, options: Mapping[str, str] | None = None) -> str:
        """The URL of a Redis that has `appendfsync always`, unless the options say otherwise."""
        server = EmbeddedValkey(directory=self.folder / "valkey", options=options)
        await self.start(server, called="redis")
        return server.url

    async def redis_with_replica(self) -> str:
        """The same, with a replica beside it, which writes as safely."""
        host, port = free_address()
        url = await self.redis({"bind": host, "port": str(port), "min-replicas-to-write": "1"})
        replica = EmbeddedValkey(
            directory=self.folder / "replica", options={"replicaof": f"{host} {port}"}
        )
        await self.start(replica, called="replica")
        return url

    async def postgres(self) -> str:
        """The URL of an empty Postgres that waits for its disk."""
        server = EmbeddedPostgres(directory=self.folder / "postgres")
        await self.start(server, called="postgres")
        return server.url


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    """Give a measurement its servers. They write where the project lies: /tmp may be memory."""
    own = Path(tempfile.mkdtemp(dir=folder))
    own.chmod(0o711)  # Postgres runs as another user where we are root
    try:
        async with AsyncExitStack() as stack:
            yield Ground(folder=own, _stack=stack)
    finally:
        shutil.rmtree(own, ignore_errors=True)
