"""The ways to run a gateway: as one process, as several, or as one of those several."""

import asyncio
import socket
from typing import Final

from pydantic import SecretStr

from doorbuster.addresses import find_addresses
from doorbuster.composition import gateway_config, listening_socket
from doorbuster.gateway_workers import gateway_workers
from doorbuster.settings import Settings
from doorbuster.signals import until_stopped
from doorbuster.supervisor import supervised
from gateway.process import run

# What a worker may take to answer what it has begun; it drains before, for as long as it is set.
GRACE_SECONDS: Final = 4.5


def serve(settings: Settings) -> None:
    """Run one gateway in this process. Raises a Fault for what its user can mend."""
    config = gateway_config(settings)
    with listening_socket(settings) as listening:
        run(config, listening)


def serve_inherited(settings: Settings, descriptor: int) -> None:
    """Run one of several gateways, on the socket that the parent has opened."""
    with socket.socket(fileno=descriptor) as listening:
        run(gateway_config(settings), listening)


def supervise(settings: Settings) -> None:
    """Run several gateways as child processes behind one socket."""
    gateway_config(settings)  # its faults are told once, and not by each worker
    asyncio.run(until_stopped(_supervise(_with_addresses(settings))))


async def _supervise(settings: Settings) -> None:
    with listening_socket(settings) as listening:
        async with supervised(stop_seconds=settings.drain_seconds + GRACE_SECONDS) as supervisor:
            await supervisor.start(*gateway_workers(settings, listening))
            await asyncio.Event().wait()  # a signal ends it


def _with_addresses(settings: Settings) -> Settings:
    addresses = find_addresses(settings)
    found = {
        "redis_url": SecretStr(addresses.redis_url),
        "database_url": SecretStr(addresses.database_url),
    }
    return settings.model_copy(update=found)
