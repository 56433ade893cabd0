"""The HTTP server of one gateway process: uvicorn, stopped in our order."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.loops.auto import auto_loop_factory

from gateway.connection import Connection

# What is still being answered when the process stops has this long; `up` stops everything
# within five seconds, and a checkout gives up after two.
GRACE_SECONDS: Final = 3
# Longer than the minute for which proxies keep an idle connection: who closes first should be
# the one who sends requests, or a checkout is sent into a connection that closes.
KEEP_ALIVE_SECONDS: Final = 75
POLL_SECONDS: Final = 0.1


def run(main: Coroutine[None, None, None]) -> None:
    """Run the coroutine to its end, on the fastest event loop that there is."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(main)


class Server(uvicorn.Server):
    """`await serve([listening])` serves until SIGTERM or SIGINT, and returns when all is stopped.

    It stops in this order: `before_drain` makes the process unready; for `drain_seconds` it serves
    on, until load balancers have seen that; `on_shutdown` ends what would not end by itself, for
    uvicorn waits for streams and tells them nothing; what is being answered is finished.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        on_shutdown: Callable[[], None],
        before_drain: Callable[[], None] | None = None,
        drain_seconds: float = 0,
    ) -> None:
        super().__init__(_config(app))
        self._before_drain = before_drain
        self._drain_seconds = drain_seconds
        self._on_shutdown = on_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in our order."""
        if self._before_drain is not None:
            self._before_drain()
        await self._serve_on()
        self._on_shutdown()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at the second Ctrl-C, without waiting for anybody.

        uvicorn would raise the signal again at the end and so exit with its number; a stop that
        was asked for is no failure.
        """
        del frame
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def _serve_on(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._drain_seconds
        while asyncio.get_running_loop().time() < deadline and not self.force_exit:
            await asyncio.sleep(POLL_SECONDS)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",  # whoever composes the application holds its resources
        log_config=None,  # logging is the business of whoever composes the process
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here trusts an address that a client can write
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
