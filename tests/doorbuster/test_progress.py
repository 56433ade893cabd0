"""What a person sees while a command waits, and that a program sees nothing of it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from shop import settings_for
from waiting import until

from doorbuster.python_child import inherited
from sql.migrate import ADVISORY_LOCK

# Erases the line that it stands in.
ERASED = "\x1b[2K"


@dataclass(kw_only=True)
class Shown:
    """What a command has printed so far, on a terminal if it has one."""

    process: asyncio.subprocess.Process
    text: str = ""

    async def ended(self) -> tuple[int, str]:
        """How it ended, and what it wrote for a program."""
        assert self.process.stdout is not None
        output = await self.process.stdout.read()
        return await self.process.wait(), output.decode()


@pytest.fixture
def settings(redis_url: str, database_url: str, tmp_path: Path) -> dict[str, str]:
    return settings_for(redis_url, database_url, tmp_path)


@pytest.fixture
def products(tmp_path: Path) -> str:
    file = tmp_path / "products.jsonl"
    file.write_text(json.dumps({"sku": "LAMP-1", "name": "Lamp", "price": 1999}) + "\n")
    return str(file)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["audit", "--json"], "auditing"),
        (["product", "import", "PRODUCTS", "--json"], "importing products: 0 of 1"),
        (["migrate", "--json"], "migrating"),
        (["doctor", "--json"], "examining"),
    ],
)
async def test_what_takes_long_is_told(
    settings: dict[str, str], products: str, words: list[str], told: str
) -> None:
    words = [products if word == "PRODUCTS" else word for word in words]
    async with (
        locked(settings["DOORBUSTER_DATABASE_URL"]) as lock,
        at_a_terminal(words, settings) as command,
    ):
        await until(lambda: told in command.text)
        await lock.close()
        status, output = await command.ended()
        assert ERASED in command.text.rpartition(told)[2]
    json.loads(output)
    assert status == (1 if words[0] == "doctor" else 0)


async def test_what_is_soon_done_is_not_told(settings: dict[str, str]) -> None:
    async with at_a_terminal(["sale", "list", "--json"], settings) as command:
        assert await command.ended() == (0, "[]\n")
        assert command.text == ""


async def test_where_there_is_no_terminal_nothing_is_told(settings: dict[str, str]) -> None:
    async with (
        locked(settings["DOORBUSTER_DATABASE_URL"]) as lock,
        at_a_terminal(["audit", "--json"], settings, terminal=False) as command,
    ):
        await asyncio.sleep(2.5)
        assert command.process.returncode is None
        await lock.close()
        assert await command.ended() == (0, "[]\n")
        assert command.process.stderr is not None
        assert await command.process.stderr.read() == b""


@asynccontextmanager
async def locked(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Nobody reads or migrates before the connection is closed, at the end of the block."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE sale, product IN ACCESS EXCLUSIVE MODE")
        await connection.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def at_a_terminal(
    words: list[str], settings: dict[str, str], *, terminal: bool = True
) -> AsyncIterator[Shown]:
    """Run `doorbuster <words>` as a person would who keeps what it prints, but not what it says."""
    ours, theirs = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "doorbuster", *words,
            env=inherited() | settings | {"TERM": "xterm", "COLUMNS": "120"},
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs if terminal else asyncio.subprocess.PIPE,
        )  # fmt: skip
        shown = Shown(process=process)
        loop = asyncio.get_running_loop()

        def read() -> None:
            shown.text += os.read(ours, 4096).decode()

        loop.add_reader(ours, read)
        try:
            yield shown
        finally:
            loop.remove_reader(ours)
            if process.returncode is None:
                process.kill()
                await process.wait()
    finally:
        os.close(ours)
        os.close(theirs)
