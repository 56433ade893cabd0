"""Processes whose clocks a test sets, each by a file; only what tells time is set, no timer is."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from doorbuster.child import Child
from doorbuster.process import Command

LIBRARY = "libfaketime.so.1"
# Debian's package `faketime`.
FOLDERS = ("/usr/lib/*/faketime", "/usr/lib*/faketime", "/usr/local/lib/faketime")


def find_library() -> Path | None:
    """Where the library is that tells a process another time, if it is installed."""
    root = Path("/")
    found = (file for folder in FOLDERS for file in root.glob(f"{folder[1:]}/{LIBRARY}"))
    return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clock of one process and its children."""

    file: Path
    library: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process go by it. Timers go by the monotonic clock, which nobody sets."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: int) -> None:
        """Let it be ahead by so many seconds, or behind."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}\n")
        draft.chmod(0o644)
        shutil.move(draft, self.file)


@dataclass(frozen=True, slots=True)
class Clocked:
    """A child that goes by such a clock."""

    child: Child
    clock: Clock

    @property
    def name(self) -> str:
        return self.child.name

    async def prepare(self) -> Command:
        command = await self.child.prepare()
        return replace(command, environment={**command.environment, **self.clock.environment})

    async def ready(self) -> None:
        await self.child.ready()
