"""A child that serves: how it is started, and when it is ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol, TypeVar

from doorbuster.faults import ChildFailed
from doorbuster.process import Command, Process, ending

# A server with a full append-only file or a long log to replay needs a while; one that needs
# more has another trouble.
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0


class Child(Protocol):
    """What a supervisor keeps alive."""

    @property
    def name(self) -> str:
        """What log lines call it."""

    async def prepare(self) -> Command:
        """Make everything ready for a start, also after a crash."""

    async def ready(self) -> None:
        """Return once the started child serves."""


ChildType = TypeVar("ChildType", bound=Child)


async def launch(child: Child, *, stop_seconds: float = STOP_SECONDS) -> Process:
    """Start a child and return once it is ready; stop it again if that cannot be.

    Raises ChildFailed if it ends before, or takes longer than READY_SECONDS.
    """
    process = await Process.start(await child.prepare())
    try:
        await _ready_before_ended(child, process)
    except BaseException:
        await process.stop(seconds=stop_seconds)
        raise
    return process


@asynccontextmanager
async def running(child: ChildType) -> AsyncIterator[ChildType]:
    """Run a child for the length of a block: `async with running(EmbeddedValkey(...)) as it`."""
    process = await launch(child)
    try:
        yield child
    finally:
        await process.stop(seconds=STOP_SECONDS)


async def _ready_before_ended(child: Child, process: Process) -> None:
    ready = asyncio.ensure_future(child.ready())
    ended = asyncio.ensure_future(process.wait())
    try:
        async with asyncio.timeout(READY_SECONDS):
            await asyncio.wait([ready, ended], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise ChildFailed(ending(process.command, ended.result()))
        ready.result()
    except TimeoutError as error:
        late = f"{child.name} was not ready after {READY_SECONDS:.0f} seconds"
        raise ChildFailed(late) from error
    finally:
        ready.cancel()
        ended.cancel()
        await asyncio.gather(ready, ended, return_exceptions=True)
