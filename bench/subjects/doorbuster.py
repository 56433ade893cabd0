"""Doorbuster itself, as an operator would run it, with everything on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from pydantic_core import to_json

from bench.case import Unmeasurable
from bench.ground import EVERY_SECOND, Ground, ground
from bench.peer import free_address
from bench.subject import Running, Shop, Subject
from bench.tokens import AUDIENCE, ISSUER
from doorbuster.addresses import Addresses
from doorbuster.ledger import migrated
from doorbuster.python_child import PythonChild
from doorbuster.sale_acts import Done, change_state
from doorbuster.servers import Servers, connected
from gateway.definitions.sale import parse_sale
from lua.store import SaleStore
from sql import sales

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


@asynccontextmanager
async def _started(shop: Shop, *, level: str, workers: int) -> AsyncIterator[Running]:
    async with ground(shop.folder) as own:
        redis_url = await own.redis(EVERY_SECOND if level == "memory" else None)
        addresses = Addresses(redis_url=redis_url, database_url=await own.postgres())
        await migrated(addresses.database_url)
        address = await _start_services(own, shop, addresses, level=level, workers=workers)
        async with connected(addresses) as servers:
            await _open_sale(servers, shop)
            yield Running(
                address=address,
                processes=own.processes,
                taken=partial(_taken, servers),
                redis_url=redis_url,
            )


async def _start_services(
    own: Ground, shop: Shop, addresses: Addresses, *, level: str, workers: int
) -> tuple[str, int]:
    host, port = free_address()
    settings = {
        "DOORBUSTER_REDIS_URL": addresses.redis_url,
        "DOORBUSTER_DATABASE_URL": addresses.database_url,
        "DOORBUSTER_TOKEN_KEY": shop.tokens.verification_key,
        "DOORBUSTER_TOKEN_ALGORITHM": shop.tokens.algorithm,
        "DOORBUSTER_TOKEN_ISSUER": ISSUER,
        "DOORBUSTER_TOKEN_AUDIENCE": AUDIENCE,
        "DOORBUSTER_DURABILITY": level,
        "DOORBUSTER_PORT": str(port),
        "DOORBUSTER_WORKERS": str(workers),
    }
    reconciler = PythonChild(name="reconciler", arguments=["reconciler"], settings=settings)
    gateway = PythonChild(
        name="gateway", arguments=["gateway"], settings=settings, address=(host, port)
    )
    await own.start(reconciler, called="reconciler")
    await own.start(gateway, called="gateway")
    return host, port


async def _open_sale(servers: Servers, shop: Shop) -> None:
    items = [
        {"sku": sku, "price": 1999, "units": shop.units, "limit_per_customer": shop.limit}
        for sku in shop.skus
    ]
    await sales.create(servers.database, parse_sale(to_json({"id": SALE, "items": items})))
    if await change_state(servers, SALE, "open") is not Done.CHANGED:
        raise Unmeasurable("the sale did not open")


async def _taken(servers: Servers) -> int:
    record = await SaleStore(servers.redis, SALE).read()
    if record is None:
        raise Unmeasurable("the sale's record is gone")
    return sum(item.granted - item.available for item in record.items.values())
