"""One child process: started apart from its parent's terminal, never outliving its parent."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from doorbuster import leftover
from doorbuster.faults import ChildFailed
from doorbuster.leash import leash


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user and group that a child runs as."""

    user_id: int
    group_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a child, and how to end it."""

    name: str
    argv: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the parent dies without a word. SIGKILL suits those that hold no
    # data: they free their port at once.
    orphan_signal: signal.Signals = signal.SIGKILL
    account: Account | None = None
    # Entered before the account is taken on. Not where the parent stands: that could be gone
    # tomorrow, and may hold a `.env` or a `redis.py` that was never meant for the child.
    folder: Path = Path("/")
    descriptors: tuple[int, ...] = ()
    log: Path | None = None  # None: its output is its parent's
    pid_file: Path | None = None
    # Called when it has ended, perhaps more than once.
    on_exit: Callable[[], None] | None = None


class Process:
    """A running child."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process) -> None:
        self.command = command
        self._process = process

    @classmethod
    async def start(cls, command: Command) -> Self:
        """Start the command, with no environment but its own."""
        process = await _spawn(command)
        if command.pid_file:
            leftover.note(command.pid_file, pid=process.pid)
        return cls(command, process)

    @property
    def pid(self) -> int:
        """The process id, which is the id of its process group too."""
        return self._process.pid

    async def wait(self) -> int:
        """Return the exit status, or the signal's number, negated."""
        status = await self._process.wait()
        if self.command.on_exit:
            self.command.on_exit()
        return status

    async def stop(self, *, seconds: float) -> None:
        """Ask it to end, and kill its whole group when the seconds have passed."""
        with suppress(ProcessLookupError):
            self._process.send_signal(self.command.stop_signal)
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()
        if self.command.pid_file:
            leftover.forget(self.command.pid_file)

    def kill(self) -> None:
        """End it, and what it has started, without asking."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


async def run(command: Command) -> None:
    """Run a command to its end. Raises ChildFailed unless it exits with 0."""
    process = await Process.start(command)
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(process.stop, seconds=1.0)
        if status := await process.wait():
            raise ChildFailed(ending(command, status))


def ending(command: Command, status: int) -> str:
    """Say in one line how a child ended, and why if it told."""
    if status < 0:
        return f"{command.name} ended with signal {signal.Signals(-status).name}"
    said = _last_line(command.log) if command.log else ""
    return f"{command.name} ended with exit status {status}{said}"


async def _spawn(command: Command) -> asyncio.subprocess.Process:
    account = command.account
    with _output(command.log) as output:
        return await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=command.folder,
            env=dict(command.environment),
            pass_fds=command.descriptors,
            start_new_session=True,  # the terminal's Ctrl-C is the parent's to handle
            preexec_fn=leash(command.orphan_signal),
            user=account.user_id if account else None,
            group=account.group_id if account else None,
            extra_groups=[] if account else None,
        )


@contextmanager
def _output(log: Path | None) -> Iterator[IO[bytes] | None]:
    if log is None:
        yield None
        return
    with log.open("ab") as file:
        yield file


def _last_line(log: Path) -> str:
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {said} (more in {log})" if said else ""
    return ""
