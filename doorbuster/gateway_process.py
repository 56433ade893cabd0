"""The ways to run a gateway: as one process, as several, or as one of those several."""

import asyncio
import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import SecretStr

from doorbuster.addresses import find_addresses
from doorbuster.gateway_composition import gateway_config, listening_socket
from doorbuster.gateway_workers import METRICS_FOLDER, gateway_workers
from doorbuster.settings import Settings
from doorbuster.signals import until_stopped
from doorbuster.supervisor import supervised
from doorbuster.tracing import traced_checkouts
from gateway.exposition import share_as
from gateway.process import run

# What a worker may take to answer what it has begun; it drains before, for as long as it is set.
GRACE_SECONDS: Final = 4.5


def serve(settings: Settings) -> None:
    """Run one gateway in this process. Raises a Fault for what its user can mend."""
    with traced_checkouts(settings) as trace:
        config = gateway_config(settings, trace_checkouts=trace)
        with listening_socket(settings) as listening:
            run(config, listening)


def serve_inherited(settings: Settings, descriptor: int, *, worker: int | None) -> None:
    """Run one of several gateways, on the socket that the parent has opened.

    With `worker`, its number, it counts in the folder that the parent made for all of them.
    """
    folder = None
    if worker is not None:
        share_as(worker)
        folder = Path(os.environ[METRICS_FOLDER])
    with socket.socket(fileno=descriptor) as listening, traced_checkouts(settings) as trace:
        run(gateway_config(settings, metrics_folder=folder, trace_checkouts=trace), listening)


def supervise(settings: Settings) -> None:
    """Run several gateways as child processes behind one socket."""
    with traced_checkouts(settings):  # its faults are told once, and not by each worker
        gateway_config(settings)
    asyncio.run(until_stopped(_supervise(_with_addresses(settings))))


async def _supervise(settings: Settings) -> None:
    stop_seconds = settings.drain_seconds + GRACE_SECONDS
    with (
        listening_socket(settings) as listening,
        TemporaryDirectory(prefix="doorbuster-") as folder,
    ):
        workers = gateway_workers(settings, listening, metrics_folder=Path(folder) / "metrics")
        async with supervised(stop_seconds=stop_seconds) as supervisor:
            await supervisor.start(*workers)
            await asyncio.Event().wait()  # a signal ends it


def _with_addresses(settings: Settings) -> Settings:
    addresses = find_addresses(settings)
    found = {
        "redis_url": SecretStr(addresses.redis_url),
        "database_url": SecretStr(addresses.database_url),
    }
    return settings.model_copy(update=found)
