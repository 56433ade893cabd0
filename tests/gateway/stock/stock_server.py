"""The stock endpoints behind the gateway's own HTTP server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from lasting import running
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.asgi import Refusing
from gateway.exception_handlers import EXCEPTION_HANDLERS
from gateway.listener import listen
from gateway.sales import SaleLookup
from gateway.server import Server as HttpServer
from gateway.stock.endpoints import StockEndpoint, StockStream
from gateway.stock.feed import StockFeed
from gateway.stock.hub import StockHub
from gateway.streams.crowd import Crowd


@dataclass(frozen=True, slots=True, kw_only=True)
class StockServer:
    """What runs, and a client for it."""

    hub: StockHub
    address: tuple[str, int]
    client: httpx.AsyncClient
    http: HttpServer


async def knows_every_sale(_: str) -> bool | None:
    """A ledger that has them all."""
    return True


def stock_app(hub: StockHub, lookup: SaleLookup) -> Starlette:
    """The two endpoints."""
    stream = Refusing(StockStream(hub, lookup))
    document = Refusing(StockEndpoint(hub.feed, lookup))
    return Starlette(
        routes=[
            Route("/v1/sales/{sale_id}/events", stream, methods=["GET"]),
            Route("/v1/sales/{sale_id}/stock", document, methods=["GET"]),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )


@asynccontextmanager
async def serving_stock(
    feed: StockFeed,
    *,
    lookup: SaleLookup = knows_every_sale,
    max_streams: int = 100,
    heartbeat_seconds: float = 1000,
    max_age_seconds: float = 1000,
) -> AsyncIterator[StockServer]:
    """Serve for the length of a block; the feed must be running."""
    crowd = Crowd(
        feed.clock.now_ms,
        max_streams=max_streams,
        heartbeat_seconds=heartbeat_seconds,
        max_age_seconds=max_age_seconds,
    )
    hub = StockHub(feed, crowd)
    http = HttpServer(stock_app(hub, lookup), on_shutdown=crowd.drain)
    listening = listen("127.0.0.1", 0)
    address = listening.getsockname()
    base_url = f"http://127.0.0.1:{address[1]}"
    async with running(crowd.run(), hub.run()), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(http.serve([listening]))
        async with asyncio.timeout(5):
            while not http.started:
                await asyncio.sleep(0.001)
        async with httpx.AsyncClient(base_url=base_url, timeout=10) as client:
            yield StockServer(hub=hub, address=address, client=client, http=http)
        http.should_exit = True
        await serving
