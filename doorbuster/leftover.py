"""What a killed parent left running: found again by process id and start time, and ended.

The start time tells a left server from a stranger that was given its process id since.
"""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_POLL_SECONDS: Final = 0.01


def note(pid_file: Path, *, pid: int) -> None:
    """Write down who runs. One write: a reader finds both or nothing."""
    pid_file.write_text(f"{pid} {start_time(pid)}\n", encoding="ascii")


async def end(pid_file: Path, *, stop_signal: signal.Signals, seconds: float) -> None:
    """End the process that the file names, if it still runs; kill it when the seconds passed."""
    pid = running(pid_file)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
        try:
            async with asyncio.timeout(seconds):
                await _ended(pid_file)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            await _ended(pid_file)
    forget(pid_file)


def forget(pid_file: Path) -> None:
    """Remove the note of a process that has ended."""
    pid_file.unlink(missing_ok=True)


def running(pid_file: Path) -> int | None:
    """Return the process id in the file if that very process still runs."""
    try:
        pid, _, started = pid_file.read_text(encoding="ascii").strip().partition(" ")
    except FileNotFoundError:
        return None
    return int(pid) if pid.isdigit() and start_time(int(pid)) == started else None


def start_time(pid: int) -> str | None:
    """Return when a process began, in the system's own words; None where it is gone."""
    if sys.platform != "linux":
        return _listed_start_time(pid)
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc_pid_stat(5): a name in parentheses, which may itself hold some, is the second field;
    # after it the state is the third and the start time, in clock ticks, the 22nd.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


async def _ended(pid_file: Path) -> None:
    while running(pid_file) is not None:
        await asyncio.sleep(_POLL_SECONDS)


def _listed_start_time(pid: int) -> str | None:
    listing = ["ps", "-o", "lstart=", "-p", str(pid)]
    listed = subprocess.run(listing, capture_output=True, text=True, check=False)
    return "-".join(listed.stdout.split()) or None
