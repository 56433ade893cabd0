"""Installs what the peers are made of, locked, when one of them is first measured."""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Final

from bench.case import Unmeasurable
from bench.peer import SOURCES

_HERE: Final = Path(__file__).parent
VENV: Final = _HERE / ".venv"
REQUIREMENTS: Final = _HERE / "requirements.txt"


async def python() -> Path:
    """The interpreter that has the Python peers' libraries."""
    program = VENV / "bin" / "python"
    mark = VENV / ".installed"
    if not mark.exists() or mark.read_text() != REQUIREMENTS.read_text():
        await _run(sys.executable, "-m", "venv", "--clear", VENV)
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        await _run(program, *install, "--require-hashes", "--requirement", REQUIREMENTS)
        mark.write_text(REQUIREMENTS.read_text())
    return program


def has_node() -> bool:
    """Whether the peers in Node can run here."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


async def node() -> str:
    """The Node that has its peers' libraries beside them."""
    program = shutil.which("node")
    if program is None:
        raise Unmeasurable("there is no Node on PATH")
    mark = SOURCES / "node_modules" / ".installed"
    lock = (SOURCES / "package-lock.json").read_text()
    if not mark.exists() or mark.read_text() != lock:
        # No script of a package runs; none of these needs one.
        await _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", SOURCES)
        mark.write_text(lock)
    return program


async def _run(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise Unmeasurable(f"{' '.join(map(str, command))} failed: {said.decode().strip()}")
