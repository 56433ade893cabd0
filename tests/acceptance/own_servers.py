"""A Redis and a Postgres that one module has for itself: they go away, hang, and come back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from acceptance.running_up import descendants

from doorbuster.child import Child, launch
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Process

STOP_SECONDS = 10
ENDED_SECONDS = 0.2


@dataclass(kw_only=True)
class OwnServer:
    """A server that goes away and comes back with its data."""

    child: Child
    process: Process | None = None

    @property
    def pid(self) -> int:
        """The process id of one that runs."""
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Nothing happens to one that runs."""
        if self.process is None:
            self.process = await launch(self.child)

    async def start_if_it_ended(self) -> None:
        """As a supervisor does; nothing happens to one that runs."""
        assert self.process is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDED_SECONDS):
                await self.process.wait()
                self.process = None
        await self.start()

    async def stop(self) -> None:
        """In order; nothing happens to one that is away."""
        if self.process is not None:
            await self.process.stop(seconds=STOP_SECONDS)
            self.process = None

    async def kill(self) -> None:
        """As a crash would."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        self.process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It is there and does not answer."""
        # Itself first: while its children are looked for, it would have others.
        os.kill(self.pid, signal.SIGSTOP)
        children = descendants(self.pid)
        _signal(children, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal([*children, self.pid], signal.SIGCONT)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # one that has just ended
            os.kill(pid, number)


@asynccontextmanager
async def own_servers(folder: Path) -> AsyncIterator[tuple[OwnServer, OwnServer]]:
    options = {"synchronous_commit": "off", "full_page_writes": "off", "fsync": "off"}
    redis = OwnServer(child=EmbeddedValkey(directory=folder / "valkey"))
    postgres = OwnServer(child=EmbeddedPostgres(directory=folder / "postgres", options=options))
    try:
        await asyncio.gather(redis.start(), postgres.start())
        yield redis, postgres
    finally:
        await asyncio.gather(redis.stop(), postgres.stop())
