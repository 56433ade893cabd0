"""`doorbuster up` as its users run it: a process of its own, seen from outside."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from waiting import until

from doorbuster.connection import Connection, read
from doorbuster.leftover import start_time
from doorbuster.python_child import inherited


@dataclass(kw_only=True)
class Up:
    """A running `up`."""

    process: asyncio.subprocess.Process
    state_dir: Path
    output: list[str] = field(default_factory=list)

    @property
    def curl(self) -> str:
        """The line that is meant to be pasted, "" until it is printed."""
        return next((line for line in self.output if line.startswith("curl ")), "")

    @property
    def connection(self) -> Connection:
        found = read(self.state_dir)
        assert found is not None
        return found

    def pids(self) -> dict[str, int]:
        """The children by name; one that is just being started anew may have none."""
        found = {}
        for file in self.state_dir.glob("*/*.pid"):
            with suppress(FileNotFoundError, IndexError):  # gone again, or not written yet
                found[file.stem] = int(file.read_text().split()[0])
        return found

    async def signal(self, number: signal.Signals) -> int:
        """Send it, and return the exit status."""
        self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def running_up(
    state_dir: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    as_user: Sequence[str] = (),
) -> AsyncIterator[Up]:
    """Start `up`, and yield once it printed what to click; kill what is left at the end."""
    process = await start(
        "up", "--state-dir", str(state_dir), *(options or ("--port", "0")),
        environment=environment, as_user=as_user,
    )  # fmt: skip
    up = Up(process=process, state_dir=state_dir)
    reading = asyncio.create_task(_read(process, up.output))
    try:
        await until(lambda: "Ctrl-C stops" in str(up.output) or reading.done(), seconds=60)
        assert process.returncode is None, "\n".join(up.output)
        yield up
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
        await reading


async def start(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    as_user: Sequence[str] = (),
) -> asyncio.subprocess.Process:
    """Start a command of ours, with no settings but those given."""
    return await asyncio.create_subprocess_exec(
        *as_user, sys.executable, "-m", "doorbuster", *arguments,
        env={**inherited(), **(environment or {})},
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


def descendants(pid: int) -> dict[int, str]:
    """Everything below a process, each with its start time."""
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").glob("[0-9]*")}
    below = [child for child, parent in parents.items() if parent == pid]
    found = {child: started for child in below if (started := start_time(child))}
    for child in below:
        found |= descendants(child)
    return found


def alive(processes: Mapping[int, str]) -> set[int]:
    """Which of them still run."""
    return {pid for pid, started in processes.items() if start_time(pid) == started}


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


async def _read(process: asyncio.subprocess.Process, output: list[str]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        output.append(line.decode().rstrip())  # noqa: PERF401 (read while it grows)
