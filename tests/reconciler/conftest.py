"""What the tests of the reconciler ask for: a sale with real stores, shared or its own."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from private_redis import PrivateRedis
from till import Till

from lua.server import Server
from sql.database import Database


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated, empty ledger."""
    async with Database(database_url) as database:
        yield database


@pytest_asyncio.fixture
async def server(redis_url: str) -> AsyncIterator[Server]:
    """A server that other tests use too."""
    async with Server(redis_url) as server:
        yield server


@pytest_asyncio.fixture
async def till(database: Database, server: Server, sale_id: str) -> Till:
    """An open sale that nobody keeps yet, on a shared Redis."""
    till = Till(database, server, sale_id)
    await till.open()
    return till


@pytest_asyncio.fixture
async def private_redis(redis_engine: str, short_folder: Path) -> AsyncIterator[PrivateRedis]:
    """A running server that the test may kill, empty or damage."""
    binary = None
    if redis_engine == "debian_redis":
        found = shutil.which("redis-server")
        if found is None:
            pytest.skip("redis-server is not on PATH")
        binary = Path(found)
    redis = PrivateRedis(short_folder / "redis", binary=binary)
    await redis.start()
    yield redis
    await redis.stop()


@pytest_asyncio.fixture
async def private_till(
    database: Database, private_redis: PrivateRedis, sale_id: str
) -> AsyncIterator[Till]:
    """An open sale that nobody keeps yet, on a Redis of the test's own."""
    async with Server(private_redis.url) as server:
        till = Till(database, server, sale_id)
        await till.open()
        yield till
