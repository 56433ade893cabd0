"""Everything on one machine: the servers, the gateway, the reconciler, and a sale to try."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import Final

import typer
from pydantic import SecretStr

from doorbuster import connection, leftover
from doorbuster.addresses import find_addresses
from doorbuster.connection import Connection
from doorbuster.demo_rush import send_crowd
from doorbuster.demo_sale import open_demo_sale
from doorbuster.development import TOKEN_KEY_FILE
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.faults import ChildFailed, StateFolderFault
from doorbuster.gateway_composition import listening_socket
from doorbuster.gateway_workers import address_of, gateway_workers, url_of
from doorbuster.ledger import migrated
from doorbuster.python_child import PythonChild, until_answered
from doorbuster.servers import Servers, connected
from doorbuster.settings import Settings, as_environment
from doorbuster.signals import until_stopped
from doorbuster.state_folder import opened, secret_in
from doorbuster.supervisor import Supervisor, supervised
from doorbuster.up_keys import admin_and_settle_keys
from doorbuster.welcome import welcome

# Whoever pressed Ctrl-C waits for this; service managers kill after ten seconds at the soonest.
STOP_SECONDS: Final = 4.5
LEFTOVER_SECONDS: Final = 1.0
# A gateway that serves is ready as soon as Redis answers it, and Redis did so before.
READY_SECONDS: Final = 30.0


def run(settings: Settings, *, demo: bool, rush: int = 0) -> None:
    """Run until Ctrl-C or SIGTERM. Raises a Fault for what its user can mend."""
    with opened(settings.state_dir) as folder:
        wanted = _adapted(settings, folder, demo=demo)
        asyncio.run(until_stopped(_serve(wanted, folder, rush=rush)))


async def _serve(wanted: Settings, folder: Path, *, rush: int) -> None:
    pid_folder = await _end_what_was_left(folder)
    with listening_socket(wanted) as listening:
        async with supervised(stop_seconds=STOP_SECONDS) as supervisor:
            settings = await _start_servers(wanted, folder, supervisor)
            buyable = await _start_shop(settings, listening, supervisor, pid_folder)
            await _until_ready(listening)
            typer.echo(welcome(url_of(listening), settings, buyable=buyable))
            if rush and buyable:
                await send_crowd(rush, settings)
            await asyncio.Event().wait()  # a signal ends it


async def _start_shop(
    settings: Settings, listening: socket.socket, supervisor: Supervisor, pid_folder: Path
) -> bool:
    """Start what needs the servers, and return whether the demo sale can be bought from."""
    addresses = find_addresses(settings)
    await migrated(addresses.database_url)
    async with connected(addresses) as servers:
        await servers.redis.command("PING")  # who does not answer is better named at once
        await _leave_connection(url_of(listening), settings, servers)
        await supervisor.start(_reconciler(settings, pid_folder))
        gateways = gateway_workers(
            settings,
            listening,
            metrics_folder=settings.state_dir / "metrics",
            pid_folder=pid_folder,
        )
        await supervisor.start(*gateways)
        return settings.demo and await open_demo_sale(servers)


async def _until_ready(listening: socket.socket) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await until_answered(address_of(listening), path="/readyz")
    except TimeoutError as error:
        late = f"{url_of(listening)}/readyz was not 200 after {READY_SECONDS:.0f} seconds"
        raise ChildFailed(late) from error


def _adapted(settings: Settings, folder: Path, *, demo: bool) -> Settings:
    """Return what fits one machine: a token key of its own, and no load balancer to wait for."""
    changes: dict[str, object] = {"state_dir": folder, "drain_seconds": 0}
    if settings.token_key is None and settings.token_jwks_url is None:
        file = folder / TOKEN_KEY_FILE
        changes |= {"token_key": SecretStr(secret_in(file)), "token_key_file": file}
    # The demo's tokens are signed with the key that verifies them: a public one cannot do that.
    changes["demo"] = demo and settings.token_algorithm.startswith("HS")
    return settings.model_copy(update=changes)


async def _end_what_was_left(folder: Path) -> Path:
    """End gateways and reconcilers of an `up` that was killed: they hold no data, but the port."""
    pid_folder = folder / "run"
    pid_folder.mkdir(exist_ok=True)
    for pid_file in pid_folder.glob("*.pid"):
        await leftover.end(pid_file, stop_signal=SIGKILL, seconds=LEFTOVER_SECONDS)
    return pid_folder


async def _start_servers(settings: Settings, folder: Path, supervisor: Supervisor) -> Settings:
    """Start the servers that the settings do not name, and return settings that name both."""
    valkey = None if settings.redis_url else EmbeddedValkey(directory=folder / "valkey")
    postgres = None if settings.database_url else EmbeddedPostgres(directory=folder / "postgres")
    await supervisor.start(*(server for server in (valkey, postgres) if server))
    changes: dict[str, object] = {}
    if valkey:
        changes["redis_url"] = SecretStr(valkey.url)
    if postgres:
        changes["database_url"] = SecretStr(postgres.url)
    return settings.model_copy(update=changes)


async def _leave_connection(url: str, settings: Settings, servers: Servers) -> None:
    left = None
    with suppress(StateFolderFault):  # what cannot be read is written anew
        left = connection.read(settings.state_dir)
    admin_key, settle_key = await admin_and_settle_keys(servers.database, left)
    addresses = find_addresses(settings)
    found = Connection(
        url=url,
        redis_url=addresses.redis_url,
        database_url=addresses.database_url,
        admin_key=admin_key,
        settle_key=settle_key,
    )
    connection.write(found, state_dir=settings.state_dir)


def _reconciler(settings: Settings, pid_folder: Path) -> PythonChild:
    return PythonChild(
        name="reconciler",
        arguments=["reconciler"],
        settings=as_environment(settings),
        pid_file=pid_folder / "reconciler.pid",
    )
