"""One gateway process, from its configuration to its end."""

import gc
import socket

from gateway.app import gateway
from gateway.config import GatewayConfig
from gateway.server import Server
from gateway.server import run as run_loop


def run(config: GatewayConfig, listening: socket.socket) -> None:
    """Serve on the socket until SIGTERM or SIGINT."""
    run_loop(serve(config, listening))


async def serve(config: GatewayConfig, listening: socket.socket) -> None:
    """Serve within a running loop, until a signal."""
    # What was imported and made until now stays, and no collection needs to look through it.
    gc.freeze()
    async with gateway(config) as composed:
        server = Server(
            composed.app,
            composed.at_once,
            composed.turns,
            before_drain=composed.draining.set,
            drain_seconds=config.drain_seconds,
            on_shutdown=composed.crowd.drain,
        )
        await server.serve([listening])
