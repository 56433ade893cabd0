"""Products: what there is to sell, in whatever sale."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from sql.acts import What, record
from sql.database import Connection, Database, Row
from sql.statement import load

FIND: Final = load("product_find")
UPSERT: Final = load("products_upsert")
LOCK: Final = load("product_lock")
INSERT: Final = load("product_insert")
# What a transaction writes at once: a few hundred kilobytes, some milliseconds.
ROWS_AT_ONCE: Final = 1000


class Order(StrEnum):
    """How a list of products may be sorted; a minus sign turns it around."""

    SKU = "sku"
    SKU_DOWN = "-sku"
    NAME = "name"
    NAME_DOWN = "-name"
    PRICE = "price"
    PRICE_DOWN = "-price"


_PAGES: Final = {
    Order.SKU: load("products_by_sku"),
    Order.SKU_DOWN: load("products_by_sku_down"),
    Order.NAME: load("products_by_name"),
    Order.NAME_DOWN: load("products_by_name_down"),
    Order.PRICE: load("products_by_price"),
    Order.PRICE_DOWN: load("products_by_price_down"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product; its price, in minor units, is what a sale's item costs where it says nothing."""

    sku: str
    name: str
    price: int
    description: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many products were new, and how many are other than they were."""

    created: int
    changed: int

    def __add__(self, other: "Written") -> "Written":
        return Written(created=self.created + other.created, changed=self.changed + other.changed)


NOTHING: Final = Written(created=0, changed=0)


async def find(database: Database, sku: str) -> Product | None:
    """The product with this sku."""
    row = await database.row(FIND, sku)
    return None if row is None else _parse(row)


async def page(
    database: Database, order: Order, *, after: str | None, offset: int, count: int
) -> list[Product]:
    """`count` products in this order, after the one with the sku `after` and `offset` more.

    A product `after` that does not exist has none after it.
    """
    return [_parse(row) for row in await database.rows(_PAGES[order], after, offset, count)]


async def write(connection: Connection, products: Sequence[Product]) -> Written:
    """Create the products, or make them what is given; each sku may stand once."""
    row = await connection.fetchrow(
        UPSERT,
        [each.sku for each in products],
        [each.name for each in products],
        [each.price for each in products],
        [each.description for each in products],
        [each.image_url for each in products],
    )
    return NOTHING if row is None else Written(created=row["created"], changed=row["changed"])


# What a product is to be, by what it is, if it is; it may refuse by raising.
Decide: TypeAlias = Callable[[Product | None], Product]


async def change(database: Database, sku: str, decide: Decide, *, actor: str) -> Product:
    """Make the product what `decide` says, under its lock. Raises what `decide` raises."""
    async with database.transaction() as connection:
        before = await _locked(connection, sku)
        wanted = decide(before)
        if before is None and not await _inserted(connection, wanted):
            # Somebody else has created it meanwhile, and now it stays.
            before = await _locked(connection, sku)
            wanted = decide(before)
        if wanted != before:
            await write(connection, [wanted])
            what = What.PRODUCT_CREATE if before is None else What.PRODUCT_CHANGE
            await record(connection, actor, what, sku, to=asdict(wanted))
    return wanted


async def _locked(connection: Connection, sku: str) -> Product | None:
    row = await connection.fetchrow(LOCK, sku)
    return None if row is None else _parse(row)


async def _inserted(connection: Connection, product: Product) -> bool:
    row = await connection.fetchrow(
        INSERT, product.sku, product.name, product.price, product.description, product.image_url
    )
    return row is not None


def _parse(row: Row) -> Product:
    return Product(**dict(row))
