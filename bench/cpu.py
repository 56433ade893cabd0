"""The CPU time that process trees have used, as the operating system counts it (proc(5))."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
MICROSECONDS: Final = 1_000_000


class Meter:
    """What each tree used within the block, in microseconds, once the block has ended."""

    def __init__(self) -> None:
        self.used_us: dict[str, float] = {}

    def each(self, count: float) -> dict[str, float]:
        """What one of `count` units of work cost each of them: `<name>_cpu_us`."""
        return {f"{name}_cpu_us": used / max(count, 1) for name, used in self.used_us.items()}


@contextmanager
def metered(processes: Mapping[str, int]) -> Iterator[Meter]:
    """Meter the process trees that begin at these ids."""
    meter = Meter()
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    yield meter
    for name, pid in processes.items():
        meter.used_us[name] = (cpu_seconds(pid) - before[name]) * MICROSECONDS


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, of its descendants, and of those that have ended."""
    return sum(map(_ticks, tree(pid))) / _TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """The memory that the process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        # A process may end while we look.
        with suppress(OSError, ValueError):
            children[int(_fields(int(entry.name))[1])].append(int(entry.name))
    found = [pid]
    for each in found:
        found += children[each]
    return found


def _ticks(pid: int) -> int:
    try:
        return sum(map(int, _fields(pid)[11:15]))
    except OSError:
        return 0  # its parent has what it used


def _fields(pid: int) -> list[str]:
    # The name in parentheses may hold anything; what follows it begins with field 3, the state.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
