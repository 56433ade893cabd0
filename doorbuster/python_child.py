"""A child that runs a command of ours in an interpreter of its own."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doorbuster.environment import PREFIX
from doorbuster.process import Command

POLL_SECONDS: Final = 0.02
# asyncpg fills what a URL leaves out from these, and a URL of ours leaves out on purpose.
_OF_POSTGRES: Final = "PG"
# prometheus_client takes its folder from there; only workers that are given one share it.
_OF_PROMETHEUS: Final = "PROMETHEUS_"


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonChild:
    """`doorbuster <arguments>`, with these settings and no others."""

    name: str
    arguments: Sequence[str]
    settings: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    pid_file: Path | None = None
    on_exit: Callable[[], None] | None = None
    # Where it answers HTTP once it is ready; None: it is ready when it runs.
    address: tuple[str, int] | None = None

    async def prepare(self) -> Command:
        """Return how to start it."""
        return Command(
            name=self.name,
            # -P: whatever lies in the folder where it starts is no module of ours.
            argv=[sys.executable, "-P", "-m", "doorbuster", *self.arguments],
            environment={**inherited(), **self.settings},
            descriptors=self.descriptors,
            pid_file=self.pid_file,
            on_exit=self.on_exit,
        )

    async def ready(self) -> None:
        """Return once GET /livez is answered, by this child or one that shares its socket."""
        if self.address:
            await until_answered(self.address, path="/livez")


def inherited() -> dict[str, str]:
    """What a child gets from our environment: all but settings, which it gets explicitly.

    It imports from where this process imports, also when that is a folder of the project.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith((PREFIX, _OF_POSTGRES, _OF_PROMETHEUS))
    }
    path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)
    return kept | {"PYTHONPATH": path}


async def until_answered(address: tuple[str, int], *, path: str) -> None:
    """Return once GET of the path is answered with 200."""
    while not await _answers(address, path):
        await asyncio.sleep(POLL_SECONDS)


async def _answers(address: tuple[str, int], path: str) -> bool:
    host, port = address
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            status_line = await reader.readline()
            return status_line.split()[1:2] == [b"200"]
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    return False
