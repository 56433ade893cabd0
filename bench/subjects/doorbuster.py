"""Doorbuster itself, as an operator would run it, with everything on."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic_core import to_json

from bench.case import Unmeasurable
from bench.ground import EVERY_SECOND, STOP_SECONDS, Ground, ground
from bench.peer import free_address
from bench.subject import Running, Shop, Subject
from bench.tokens import AUDIENCE, ISSUER
from doorbuster.addresses import Addresses
from doorbuster.ledger import migrated
from doorbuster.process import Process
from doorbuster.python_child import PythonChild
from doorbuster.sale_acts import change_state
from doorbuster.servers import Servers, connected
from gateway.admin.sale_acts import Done
from gateway.definitions.sale import parse_sale
from lua.store import SaleStore
from sql import sales
from sql.database import Database

SALE: Final = "bench"


def subject(level: str = "fsync", *, workers: int = 1) -> Subject:
    """Doorbuster at a level of durability."""
    return Subject(
        name="doorbuster",
        says=(
            f"everything on, at the level {level}: token, idempotency key, limit, stock, numbered "
            "history, ledger in Postgres"
        ),
        start=partial(_started, level=level, workers=workers),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A sale that was opened, and that no process serves."""

    redis_url: str
    database_url: str
    processes: Mapping[str, int]
    start_reconciler: Callable[[], Awaitable[object]]


@asynccontextmanager
async def opened(shop: Shop) -> AsyncIterator[Opened]:
    """Open a sale with a reconciler that is stopped again."""
    async with ground(shop.folder) as own:
        addresses = await _addresses(own, await own.redis())
        settings = _settings(shop, addresses)
        reconciler = await _start_reconciler(own, settings)
        async with connected(addresses) as servers:
            await _open_sale(servers, shop)
        await reconciler.stop(seconds=STOP_SECONDS)
        yield Opened(
            redis_url=addresses.redis_url,
            database_url=addresses.database_url,
            processes=own.processes,
            start_reconciler=partial(_start_reconciler, own, settings),
        )


@asynccontextmanager
async def _started(shop: Shop, *, level: str, workers: int) -> AsyncIterator[Running]:
    async with ground(shop.folder) as own:
        redis_url = await _redis(own, level)
        addresses = await _addresses(own, redis_url)
        settings = _settings(shop, addresses, level=level, workers=workers)
        await _start_reconciler(own, settings)
        address = await _start_gateway(own, settings)
        async with connected(addresses) as servers:
            await _open_sale(servers, shop)
            yield Running(
                address=address,
                processes=own.processes,
                taken=partial(_taken, servers),
                committed=partial(_committed, servers),
                redis_url=redis_url,
                database_url=addresses.database_url,
            )


async def _redis(own: Ground, level: str) -> str:
    match level:
        case "memory":
            return await own.redis(EVERY_SECOND)
        case "replicated":
            return await own.redis_with_replica()
    return await own.redis()


async def _addresses(own: Ground, redis_url: str) -> Addresses:
    database_url = await own.postgres()
    await migrated(database_url)
    return Addresses(redis_url=redis_url, database_url=database_url)


def _settings(
    shop: Shop, addresses: Addresses, *, level: str = "fsync", workers: int = 1
) -> dict[str, str]:
    return {
        "DOORBUSTER_REDIS_URL": addresses.redis_url,
        "DOORBUSTER_DATABASE_URL": addresses.database_url,
        "DOORBUSTER_TOKEN_KEY": shop.tokens.verification_key,
        "DOORBUSTER_TOKEN_ALGORITHM": shop.tokens.algorithm,
        "DOORBUSTER_TOKEN_ISSUER": ISSUER,
        "DOORBUSTER_TOKEN_AUDIENCE": AUDIENCE,
        "DOORBUSTER_DURABILITY": level,
        "DOORBUSTER_WORKERS": str(workers),
    }


async def _start_reconciler(own: Ground, settings: dict[str, str]) -> Process:
    reconciler = PythonChild(name="reconciler", arguments=["reconciler"], settings=settings)
    return await own.start(reconciler, called="reconciler")


async def _start_gateway(own: Ground, settings: dict[str, str]) -> tuple[str, int]:
    host, port = free_address()
    gateway = PythonChild(
        name="gateway",
        arguments=["gateway", "--port", str(port)],
        settings=settings,
        address=(host, port),
    )
    await own.start(gateway, called="gateway")
    return host, port


async def create_sale(database: Database, shop: Shop) -> None:
    """Create the sale, as a draft."""
    items = [
        {"sku": sku, "price": 1999, "units": shop.units, "limit_per_customer": shop.limit}
        for sku in shop.skus
    ]
    await sales.create(database, parse_sale(to_json({"id": SALE, "items": items})))


async def _open_sale(servers: Servers, shop: Shop) -> None:
    await create_sale(servers.database, shop)
    if await change_state(servers, SALE, "open") is not Done.CHANGED:
        raise Unmeasurable("the sale did not open")


async def _taken(servers: Servers) -> int:
    record = await SaleStore(servers.redis, SALE).read()
    if record is None:
        raise Unmeasurable("the sale's record is gone")
    return sum(item.granted - item.available for item in record.items.values())


async def _committed(servers: Servers) -> int:
    row = await servers.database.row("select count(*) as orders from reservation")
    return 0 if row is None else row["orders"]
