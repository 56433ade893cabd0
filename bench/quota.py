"""Gives a process tree a part of one processor, so that a small load is an overload."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.case import Unmeasurable
from bench.cpu import tree

_ROOT: Final = Path("/sys/fs/cgroup")
# Short, so that the process is slow and does not stand still for long.
PERIOD_US: Final = 10_000


@contextmanager
def quota(pid: int, share: float) -> Iterator[None]:
    """Let the tree have so much of one processor, for the length of a block.

    Raises Unmeasurable where the kernel's control groups may not be used.
    """
    group = _group()
    try:
        group.mkdir()
        _limit(group, round(share * PERIOD_US))
        for each in tree(pid):
            (group / "cgroup.procs").write_text(str(each))
    except OSError as error:
        raise Unmeasurable(f"no CPU quota can be set here: {error}") from error
    try:
        yield
    finally:
        for left in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(left)
        group.rmdir()


def _group() -> Path:
    first, second = _ROOT / "cpu", _ROOT
    return (first if first.exists() else second) / f"doorbuster-bench-{os.getpid()}"


def _limit(group: Path, quota_us: int) -> None:
    if (group / "cpu.cfs_quota_us").exists():  # the first version of control groups
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    else:
        (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
