"""Products are imported whole or not at all, and twice is once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from doorbuster import product_import
from doorbuster.product_import import Imported, import_products
from doorbuster.progress import Doing
from doorbuster.servers import Servers
from lua.server import Server
from sql.database import Connection, Database
from sql.faults import LedgerUnreachable
from sql.products import Order, Product, Written, page, write

FILE = Path("products.csv")
MANY = [Product(sku=f"SKU-{number:06}", name="x", price=number) for number in range(2500)]


async def imported(database_url: str, given: Sequence[Product]) -> Imported:
    async with Database(database_url) as database, Server("redis://127.0.0.1:1") as nowhere:
        servers = Servers(redis=nowhere, database=database, doing=Doing("importing"))
        return await import_products(servers, given, FILE)


async def stored(database_url: str) -> list[Product]:
    async with Database(database_url) as database:
        return await page(database, Order.SKU, after=None, offset=0, count=10_000)


async def test_the_same_products_twice_change_nothing(database_url: str) -> None:
    assert await imported(database_url, MANY) == Imported(created=2500, changed=0, unchanged=0)
    assert await imported(database_url, MANY) == Imported(created=0, changed=0, unchanged=2500)
    other = [Product(sku=MANY[0].sku, name="other", price=1), Product(sku="NEW", name="n", price=2)]
    assert await imported(database_url, other) == Imported(created=1, changed=1, unchanged=0)
    assert await stored(database_url) == [other[1], other[0], *MANY[1:]]


async def test_what_breaks_in_the_middle_leaves_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = 0

    async def write_twice(connection: Connection, batch: Sequence[Product]) -> Written:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise ConnectionResetError
        return await write(connection, batch)

    monkeypatch.setattr(product_import, "write", write_twice)
    with pytest.raises(LedgerUnreachable):
        await imported(database_url, MANY)
    assert await stored(database_url) == []
