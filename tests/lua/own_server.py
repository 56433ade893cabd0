"""A server that one test has for itself."""

from collections.abc import Mapping
from pathlib import Path

from doorbuster.child import launch
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Process
from lua.server import Server

STOP_SECONDS = 5.0
# A machine that runs other tests beside this one may keep a call waiting for long.
PATIENCE_SECONDS = 20.0
# The data of a test need not survive a power cut.
WITHOUT_DISK = {"appendfsync": "no"}


class OwnServer:
    """Starts, dies and comes back with the data that it had."""

    def __init__(self, directory: Path, *, binary: Path | None) -> None:
        self._directory = directory
        self._binary = binary
        self._process: Process | None = None
        self.url = EmbeddedValkey(directory=directory, binary=binary).url

    def door(self) -> Server:
        """The door to it, with more patience than a gateway has."""
        return Server(self.url, timeout_seconds=PATIENCE_SECONDS)

    async def start(self, options: Mapping[str, str] | None = None, *, ready: bool = True) -> None:
        """Start it; not `ready`: return while it may still be loading."""
        server = EmbeddedValkey(
            directory=self._directory,
            binary=self._binary,
            options={**WITHOUT_DISK, **(options or {})},
        )
        self._process = (
            await launch(server) if ready else await Process.start(await server.prepare())
        )

    async def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            await self._process.stop(seconds=STOP_SECONDS)
            self._process = None

    async def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self._process = None

    async def restart(self) -> None:
        """Crash, and start again."""
        await self.kill()
        await self.start()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid
