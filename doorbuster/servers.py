"""Runs one command of the command line against the servers that its user means."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from doorbuster.addresses import Addresses, find_addresses
from doorbuster.faults import ServersAway
from doorbuster.settings import load
from lua.faults import RedisFault
from lua.server import Server
from sql.database import Database
from sql.faults import LedgerFault, LedgerUnready

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Both, for one command."""

    redis: Server
    database: Database


def with_servers(command: Callable[[Servers], Awaitable[T]]) -> T:
    """Run a command. Raises ServersAway, and what the look-up of the addresses raises."""
    return asyncio.run(_run(find_addresses(load()), command))


@asynccontextmanager
async def connected(addresses: Addresses) -> AsyncIterator[Servers]:
    """Yield both for the length of a block. Raises ServersAway for what the block meets."""
    try:
        async with (
            Server(addresses.redis_url) as redis,
            Database(addresses.database_url, connections=4) as database,
        ):
            yield Servers(redis=redis, database=database)
    except LedgerUnready as fault:
        raise ServersAway(f"Postgres is not ready: {fault}; `doorbuster migrate` helps") from fault
    except LedgerFault as fault:
        raise ServersAway(f"Postgres does not answer: {fault}") from fault
    except RedisFault as fault:
        raise ServersAway(f"Redis does not answer: {fault}") from fault


async def _run(addresses: Addresses, command: Callable[[Servers], Awaitable[T]]) -> T:
    async with connected(addresses) as servers:
        return await command(servers)
