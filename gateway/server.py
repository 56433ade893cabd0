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

from gateway.at_once import AnswersAtOnce, TakesNothing
from gateway.offering import OfferingConnection, offering
from gateway.turns import Turns

# What is still being answered when the process stops has this long; `up` stops everything
# within five seconds, and a checkout gives up after two.
GRACE_SECONDS: Final = 3
# Longer than the minute for which proxies keep an idle connection: who closes first should be
# the one who sends requests, or a checkout is sent into a connection that closes.
KEEP_ALIVE_SECONDS: Final = 75
POLL_SECONDS: Final = 0.1
# Who has just connected has a request on its way; on any line that is worth waiting for it is here
# by then.
FIRST_REQUEST_SECONDS: Final = 0.5


def run(main: Coroutine[None, None, None]) -> None:
    """Run the coroutine to its end, on the fastest event loop that there is."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(main)


class Server(uvicorn.Server):
    """`await serve([listening])` serves until SIGTERM or SIGINT, and returns when all is stopped.

    It stops in this order: `before_drain` makes the process unready; for `drain_seconds` it serves
    on, until load balancers have seen that, and each answer ends its connection; nobody is let in
    any more; `on_shutdown` ends what would not end by itself, for uvicorn waits for streams and
    tells them nothing; who has just come is heard; what is being answered is finished.
    """

    def __init__(
        self,
        app: ASGIApp,
        at_once: AnswersAtOnce | None = None,
        turns: Turns | None = None,
        *,
        on_shutdown: Callable[[], None],
        before_drain: Callable[[], None] | None = None,
        drain_seconds: float = 0,
    ) -> None:
        super().__init__(_config(app, at_once or TakesNothing(), turns or Turns()))
        self._before_drain = before_drain
        self._drain_seconds = drain_seconds
        self._on_shutdown = on_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in our order."""
        if self._before_drain is not None:
            self._before_drain()
        # Whoever keeps a connection would otherwise send their next request into one that closes.
        self.server_state.default_headers.append((b"connection", b"close"))
        await self._serve_on()
        for server in self.servers:
            server.close()
        self._on_shutdown()
        await self._hear_out()
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

    async def _hear_out(self) -> None:
        """Wait for the requests of those who were let in last: uvicorn would close on them."""
        deadline = asyncio.get_running_loop().time() + FIRST_REQUEST_SECONDS
        while asyncio.get_running_loop().time() < deadline and not self.force_exit:
            await asyncio.sleep(POLL_SECONDS)  # first of all: some may be on their way in
            if not any(_is_new(each) for each in self.server_state.connections):
                return


def _is_new(connection: object) -> bool:
    return isinstance(connection, OfferingConnection) and connection.cycle is None


def _config(app: ASGIApp, at_once: AnswersAtOnce, turns: Turns) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=offering(at_once, turns),
        ws="none",
        lifespan="off",  # whoever composes the application holds its resources
        log_config=None,  # logging is the business of whoever composes the process
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here trusts an address that a client can write
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
