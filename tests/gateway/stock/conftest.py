"""What the tests of the stock stream ask for: a sale, and a feed that watches."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from lasting import running
from own_valkey import OwnValkey
from stock_server import StockServer, serving_stock
from watched_sale import LAMP, MUG, WatchedSale

from gateway.stock.feed import StockFeed
from lua.server import Server

# Longer than any test: what is learnt sooner was not learnt from the regular reading.
NEVER_SECONDS = 1000.0


@pytest_asyncio.fixture
async def server(redis_url: str) -> AsyncIterator[Server]:
    """The shared Redis."""
    async with Server(redis_url) as server:
        yield server


@pytest_asyncio.fixture
async def sale(server: Server, sale_id: str) -> WatchedSale:
    """An open sale of ten lamps and five mugs."""
    sale = WatchedSale(server, sale_id)
    await sale.open({LAMP: 10, MUG: 5})
    return sale


@pytest_asyncio.fixture
async def feed(server: Server, redis_url: str) -> AsyncIterator[StockFeed]:
    """A feed that reads only when it has a reason to."""
    feed = StockFeed(server, redis_url, reread_seconds=NEVER_SECONDS)
    async with running(feed.run()):
        yield feed


@pytest_asyncio.fixture
async def own_valkey(short_folder: Path) -> AsyncIterator[OwnValkey]:
    """A running server of the test's own."""
    own = OwnValkey(short_folder / "own")
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings and errors so far."""
    return lambda: [each.getMessage() for each in caplog.records if each.levelname != "INFO"]


@pytest_asyncio.fixture
async def served(feed: StockFeed) -> AsyncIterator[StockServer]:
    """The stock endpoints, without heartbeats."""
    async with serving_stock(feed) as served:
        yield served


@pytest.fixture
def client(served: StockServer) -> httpx.AsyncClient:
    """A client for them."""
    return served.client
