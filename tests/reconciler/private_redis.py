"""A Redis or Valkey that one test has for itself, to kill, to empty, and to damage."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from doorbuster.child import launch
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Process

STOP_SECONDS = 5.0


class PrivateRedis:
    """Starts, dies and comes back with the data that it had."""

    def __init__(
        self,
        directory: Path,
        *,
        binary: Path | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        # The kernel keeps what a killed process has written, so a test needs no fsync.
        self._server = EmbeddedValkey(
            directory=directory, binary=binary, options={"appendfsync": "no", **(options or {})}
        )
        self._process: Process | None = None
        self.url = self._server.url

    async def start(self) -> None:
        self._process = await launch(self._server)

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop(seconds=STOP_SECONDS)
            self._process = None

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self._process = None

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    def freeze(self) -> None:
        """Let it hang: it takes connections, and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> str:
        return self._server.options["port"]

    def cut(self, length: int) -> None:
        """Take so many bytes off the end of the append-only file, as a power cut would."""
        folder = self._server.directory / "appendonlydir"
        file = max(folder.glob("*.incr.aof"), key=lambda each: each.stat().st_mtime_ns)
        os.truncate(file, max(file.stat().st_size - length, 0))
