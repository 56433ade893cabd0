"""Real servers for every test: one Valkey and one Postgres for each test process.

Tests are kept apart by name: each has a sale of its own in the shared Valkey, and a database of
its own in the shared Postgres, copied from one that was migrated once.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from containers import postgres_in_container, valkey_in_container
from scratch import SCRATCH

from doorbuster.child import running
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from sql.migrate import migrate

# A test's data need not survive a power cut, and waiting for the disk is most of a test's time.
# Where nothing copied is logged, and no standby waits for it, a database costs a fifth.
WITHOUT_DISK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--containers",
        action="store_true",
        help="take the servers from containers (needs Docker) instead of the wheels",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Where `tmp_path` lies, unless somebody has said it.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SCRATCH))
    config.addinivalue_line(
        "markers", "every_redis: run on Valkey and, where redis-server is on PATH, on that too"
    )
    config.addinivalue_line("markers", "browser: drives Chromium (make test-browser)")
    config.addinivalue_line("markers", "proof: faults and exhaustive runs (make proof)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "redis_engine" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_redis")
        metafunc.parametrize("redis_engine", ["valkey", "debian_redis"] if every else ["valkey"])


# What tests ask for


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, redis_engine: str) -> str:
    """A server that other tests use too: keep to keys of your own `sale_id`."""
    url: str = request.getfixturevalue(f"{redis_engine}_url")
    return url


@pytest_asyncio.fixture
async def database_url(postgres_url: str, migrated: str) -> AsyncIterator[str]:
    """A migrated database that no other test sees."""
    name = f"test_{next(_database_numbers)}"
    await _on(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated} STRATEGY file_copy")
    yield _with_database(postgres_url, name)
    await _on(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """A database that was not migrated, and that no other test sees."""
    name = f"empty_{next(_database_numbers)}"
    await _on(postgres_url, f"CREATE DATABASE {name}")
    yield _with_database(postgres_url, name)
    await _on(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop_database_url(postgres_url: str, migrated: str) -> AsyncIterator[str]:
    """A migrated database that no other module sees."""
    name = f"shop_{uuid4().hex}"
    await _on(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated} STRATEGY file_copy")
    yield _with_database(postgres_url, name)
    await _on(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sale_id() -> str:
    """A sale that no other test uses."""
    return f"sale-{uuid4().hex[:12]}"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's, and which any user can walk through."""
    with tempfile.TemporaryDirectory(prefix="db-", dir=SCRATCH) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


# Where that comes from

_database_numbers = count(1)


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="db-", dir=SCRATCH) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def valkey_url(pytestconfig: pytest.Config, server_folder: Path) -> AsyncIterator[str]:
    if pytestconfig.getoption("--containers"):
        with valkey_in_container() as url:
            yield url
        return
    async with running(EmbeddedValkey(directory=server_folder / "valkey")) as server:
        yield server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def debian_redis_url(server_folder: Path) -> AsyncIterator[str]:
    """A Redis of the distribution; 7.0 on Debian 12, where Valkey's answers are those of 7.2."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not on PATH")
    server = EmbeddedValkey(directory=server_folder / "redis", binary=Path(binary))
    async with running(server):
        yield server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url(pytestconfig: pytest.Config, server_folder: Path) -> AsyncIterator[str]:
    if pytestconfig.getoption("--containers"):
        with postgres_in_container() as url:
            yield url
        return
    server = EmbeddedPostgres(directory=server_folder / "postgres", options=WITHOUT_DISK)
    async with running(server):
        yield server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(postgres_url: str) -> str:
    """The name of a database that is only copied."""
    await _on(postgres_url, "CREATE DATABASE migrated")
    await migrate(_with_database(postgres_url, "migrated"))
    return "migrated"


async def _on(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()
