"""An ASGI app behind the real server, for tests of what only a socket can show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from gateway.listener import listen


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[tuple[str, int]]:
    """Serve the app and yield the address that it listens on."""
    # Without a log_config of its own, what uvicorn logs reaches caplog.
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listening:
        async with asyncio.TaskGroup() as tasks:
            serve = tasks.create_task(server._serve([listening]))
            while not server.started and not serve.done():
                await asyncio.sleep(0.001)
            try:
                yield listening.getsockname()
            finally:
                server.should_exit = True
