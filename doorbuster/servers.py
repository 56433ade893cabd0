"""Runs one command of the command line against the servers that its user means."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from doorbuster.addresses import Addresses, find_addresses
from doorbuster.faults import ServersAway
from doorbuster.progress import Doing, telling
from doorbuster.settings import load
from lua.faults import RedisFault
from lua.server import Server
from sql.database import Database
from sql.faults import LedgerFault, LedgerUnready

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Both, for one command, and what it tells of how far it is."""

    redis: Server
    database: Database
    doing: Doing


def with_servers(
    command: Callable[[Servers], Awaitable[T]], doing: str = "asking Postgres and Redis"
) -> T:
    """Run a command; a person at a terminal is told what it is doing, if that takes long.

    Raises ServersAway, and what the look-up of the addresses raises.
    """
    return asyncio.run(_run(find_addresses(load()), command, doing))


@asynccontextmanager
async def connected(addresses: Addresses, doing: str = "") -> AsyncIterator[Servers]:
    """Yield both for the length of a block. Raises ServersAway for what the block meets.

    What the block is doing is shown on a terminal where it has a name, and takes long.
    """
    try:
        async with (
            telling(doing) as told,
            Server(addresses.redis_url) as redis,
            Database(addresses.database_url, connections=4) as database,
        ):
            yield Servers(redis=redis, database=database, doing=told)
    except LedgerUnready as fault:
        raise ServersAway(f"Postgres is not ready: {fault}; `doorbuster migrate` helps") from fault
    except LedgerFault as fault:
        raise ServersAway(f"Postgres does not answer: {fault}") from fault
    except RedisFault as fault:
        raise ServersAway(f"Redis does not answer: {fault}") from fault


async def _run(addresses: Addresses, command: Callable[[Servers], Awaitable[T]], doing: str) -> T:
    async with connected(addresses, doing) as servers:
        return await command(servers)
