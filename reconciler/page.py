"""The reconciler's own small HTTP server: `/metrics`, and `/livez` for a service manager."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.metrics import Metrics

# Nobody but a scraper and a probe calls; more than that is a mistake, and is not to cost anything.
MAX_CONNECTIONS: Final = 32
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def serving(metrics: Metrics, listening: socket.socket) -> AsyncIterator[None]:
    """Serve on the socket for the length of the block."""
    server = _Server(_config(metrics))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listening]))
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone: the process has one who listens for them."""
        yield


def _config(metrics: Metrics) -> uvicorn.Config:
    async def show(_: Request) -> Response:
        return Response(metrics.page(), headers={"content-type": _TEXT})

    async def live(_: Request) -> Response:
        """The event loop turns: that is all a restart could mend."""
        return Response("alive\n", media_type="text/plain")

    return uvicorn.Config(
        Starlette(routes=[Route("/metrics", show), Route("/livez", live)]),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
    )
