"""An operator's terminal: every command is a process, forked from one that has imported all of it.

A command spends most of a second on its imports, and an operator's day has fifty commands.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from doorbuster.cli import main
from doorbuster.python_child import inherited

# What the commands import when they are called.
IMPORTED = (
    "doorbuster.audit_report", "doorbuster.ledger", "doorbuster.sale_acts", "doorbuster.sale_file",
    "doorbuster.sale_report", "doorbuster.servers", "doorbuster.settings", "rich.table",
    "doorbuster.commands.audit", "doorbuster.commands.key", "doorbuster.commands.migrate",
    "doorbuster.commands.sale", "gateway.identity.api_keys", "sql.keys",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and the lines that it printed on either output."""

    status: int
    lines: list[str]


class Terminal:
    """Runs one command after the other."""

    def __init__(self, process: asyncio.subprocess.Process, settings: Mapping[str, str]) -> None:
        self._process = process
        self._settings = settings

    async def run(self, *words: str, **settings: str) -> Ended:
        """Run `doorbuster <words>` with the shop's settings, and these above them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = json.dumps([words, {**self._settings, **settings}])
        self._process.stdin.write(order.encode() + b"\n")
        status, output = json.loads(await self._process.stdout.readline())
        return Ended(status=status, lines=output.splitlines())


@asynccontextmanager
async def terminal(settings: Mapping[str, str]) -> AsyncIterator[Terminal]:
    """Open a terminal for the length of a block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__)),
        env=inherited(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    try:
        yield Terminal(process, settings)
    finally:
        process.stdin.close()
        await process.wait()


# What runs in the process itself


def serve() -> None:
    """Fork for each order that comes in, and tell how it ended."""
    for name in IMPORTED:
        import_module(name)
    for line in sys.stdin:
        words, settings = json.loads(line)
        reading, writing = os.pipe()
        if (pid := os.fork()) == 0:
            _become(words, settings, output=writing)
        os.close(writing)
        with os.fdopen(reading) as output:
            said = output.read()
        _, status = os.waitpid(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), said]), flush=True)


def _become(words: Sequence[str], settings: Mapping[str, str], *, output: int) -> None:
    """Be the command, to its end."""
    for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    os.environ.update(settings)
    sys.argv = ["doorbuster", *words]
    status = 0
    try:
        main()
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 (what an interpreter would do: print it and end)
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
