"""A server that one test has for itself."""

from pathlib import Path

from doorbuster.child import launch
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Process


class OwnValkey:
    """A server that one test may stop; it keeps its data."""

    def __init__(self, directory: Path) -> None:
        self._valkey = EmbeddedValkey(directory=directory, options={"appendfsync": "no"})
        self._process: Process | None = None
        self.url = self._valkey.url

    async def start(self) -> None:
        """Start it, again."""
        self._process = await launch(self._valkey)

    async def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            await self._process.stop(seconds=5)
        self._process = None
