"""What a measurement was made on and with."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from doorbuster.embedded.binaries import find_postgres, find_valkey

_LIBRARIES: Final = ("uvicorn", "starlette", "httptools", "uvloop", "asyncpg", "redis", "joserfc")
_GIB: Final = 1 << 30


def description() -> list[tuple[str, str]]:
    """Pairs of what and which."""
    return [
        ("date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("commit", _commit()),
        ("processor", f"{os.cpu_count()} cores, {_processor()}"),
        ("load", f"{os.getloadavg()[2]:.1f} on average over the last 15 minutes, with this run"),
        ("memory", f"{_memory_bytes() / _GIB:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("libraries", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)),
        ("Valkey", _says(str(find_valkey()), "--version")),
        ("Postgres", _says(str(find_postgres() / "postgres"), "--version")),
        ("Node", _says("node", "--version")),
        ("load generator", _says("wrk", "--version").partition(" Copyright")[0]),
    ]


def _commit() -> str:
    """What was measured; it says so where anything was changed since, but what is written here."""
    status = ["git", "status", "--porcelain", "--untracked-files=no"]
    written = [":!bench/RESULTS.md", ":!bench/results.json", ":!bench/charts"]
    changed = _says(*status, "--", ":/", *written)
    return _says("git", "describe", "--always") + ("-dirty" if changed else "")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _says(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        return "none"
    said = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).strip().partition("\n")[0]
