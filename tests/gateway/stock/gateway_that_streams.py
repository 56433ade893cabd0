"""A process that serves the stock of every sale: `python ... REDIS_URL DESCRIPTOR`."""

import asyncio
import socket
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

from lasting import running  # noqa: E402 (the path comes first)
from stock_server import knows_every_sale, stock_app  # noqa: E402

from gateway.server import Server as HttpServer  # noqa: E402
from gateway.server import run  # noqa: E402
from gateway.stock.feed import StockFeed  # noqa: E402
from gateway.stock.hub import StockHub  # noqa: E402
from gateway.streams.crowd import Crowd  # noqa: E402
from lua.server import Server  # noqa: E402


async def main(redis_url: str, descriptor: int) -> None:
    """Serve until a signal."""
    async with Server(redis_url) as server:
        feed = StockFeed(server, redis_url)
        crowd = Crowd(feed.clock.now_ms, max_streams=1000)
        hub = StockHub(feed, crowd)
        async with running(feed.run(), crowd.run(), hub.run()):
            http = HttpServer(stock_app(hub, knows_every_sale), on_shutdown=crowd.drain)
            await http.serve([socket.socket(fileno=descriptor)])
    assert len(asyncio.all_tasks()) == 1


if __name__ == "__main__":
    run(main(sys.argv[1], int(sys.argv[2])))
