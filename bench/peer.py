"""The processes of peers: how they start, and when they are ready."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doorbuster.process import Command
from doorbuster.python_child import inherited

POLL_SECONDS: Final = 0.02
SOURCES: Final = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program that takes its settings from the environment, and listens if it has an address."""

    name: str
    argv: Sequence[str | Path]
    settings: Mapping[str, str]
    address: tuple[str, int] | None = None
    folder: Path = SOURCES

    async def prepare(self) -> Command:
        """How to start it."""
        return Command(
            name=self.name,
            argv=self.argv,
            environment={**inherited(), "PYTHONPATH": "", **self.settings},
            folder=self.folder,
        )

    async def ready(self) -> None:
        """Return once it takes connections, if it is to."""
        while self.address and not await _takes_connections(self.address):
            await asyncio.sleep(POLL_SECONDS)


def free_address() -> tuple[str, int]:
    """A port of this machine that nobody uses just now."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        host, port = found.getsockname()
        return host, port


async def _takes_connections(address: tuple[str, int]) -> bool:
    try:
        _, writer = await asyncio.open_connection(*address)
    except OSError:
        return False
    writer.close()
    return True
