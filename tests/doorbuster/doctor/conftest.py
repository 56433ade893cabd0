"""Servers as `up` starts them: the shared ones of the tests do without the disk, and that shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from examined import StartValkey

from doorbuster.child import running
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from sql.migrate import migrate

_numbers = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def durable_url(server_folder: Path) -> AsyncIterator[str]:
    """A migrated database on a server with every default of ours; only to be looked at."""
    async with running(EmbeddedPostgres(directory=server_folder / "durable")) as server:
        await migrate(server.url)
        yield server.url


@pytest.fixture
def valkey(short_folder: Path) -> StartValkey:
    """Start a Valkey with these options in place of ours: `async with valkey(save="60 1") as it`.

    The first argument may be the path of another server's program.
    """

    @asynccontextmanager
    async def start(binary: Path | None = None, **options: str) -> AsyncIterator[EmbeddedValkey]:
        named = {name.replace("_", "-"): value for name, value in options.items()}
        folder = short_folder / f"v{next(_numbers)}"
        async with running(
            EmbeddedValkey(directory=folder, binary=binary, options=named)
        ) as server:
            yield server

    return start
