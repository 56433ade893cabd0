"""Sales and their items: created as drafts, opened, paused, closed; granted and lowered."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sql.acts import OURSELVES, What, record
from sql.database import Connection, Database, Row
from sql.outbox import ask_grant, ask_state
from sql.statement import load

SALE_INSERT = load("sale_insert")
PRODUCTS_INSERT = load("products_insert")
ITEMS_INSERT = load("items_insert")
CHECKPOINT_BEGIN = load("sale_begin")
HOLD_CLOCK_BEGIN = load("hold_clock_begin")
LEASE_BEGIN = load("lease_begin")
SALE_IS_SAME = load("sale_is_same")
SALE_READ = load("sale_read")
SALE_LOCK = load("sale_lock")
SALES_LIST = load("sales_list")
SALES_PAGE = load("sales_page")
SALES_OF_STATE = load("sales_of_state")
ITEMS_READ = load("items_read")
CHANGE_STATE = load("sale_change_state")
ADJUSTMENT_INSERT = load("adjustment_insert")
ADJUSTMENT_FIND = load("adjustment_find")
ITEM_RAISE = load("item_raise")
ITEM_LOWER_DRAFT = load("item_lower_draft")


class SaleState(StrEnum):
    """`draft → open ⇄ paused → closed`; closed is final."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDefinition:
    """An item of a new sale; the price in minor units, limit 0 for none."""

    sku: str
    name: str
    price: int
    units: int
    limit_per_customer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleDefinition:
    """A new sale; `source` is the JSON that it was made from.

    Without `max_hold_seconds` a hold can be extended to twice its length.
    """

    id: str
    name: str
    opens_at: datetime
    closes_at: datetime | None
    hold_seconds: int
    currency: str
    durability: str | None
    reservations_per_customer: int
    source: str
    items: tuple[ItemDefinition, ...]
    max_hold_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A sale as the ledger has it, with its checkpoint."""

    id: str
    name: str
    state: SaleState
    revision: int
    opens_at: datetime
    closes_at: datetime | None
    hold_seconds: int
    max_hold_seconds: int
    currency: str
    durability: str | None
    reservations_per_customer: int
    epoch: int
    version: int
    opened: int

    @property
    def opens_at_ms(self) -> int:
        """The start of the window in milliseconds since 1970."""
        return milliseconds(self.opens_at)

    @property
    def closes_at_ms(self) -> int:
        """The end of the window in milliseconds since 1970, 0 for none."""
        return milliseconds(self.closes_at) if self.closes_at else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerItem:
    """An item as the ledger has it; what the counters mean stands in the schema."""

    sku: str
    name: str
    price: int
    limit_per_customer: int
    raised: int
    raised_revision: int
    lowered: int
    granted: int
    taken: int
    mirror: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A grant that was made: what, why and when."""

    sale_id: str
    sku: str
    delta: int
    reason: str
    created_at: datetime


class NoSuchSale(Exception):
    """There is no sale of this id."""


class NoSuchItem(Exception):
    """The sale has no item of this sku."""


class NotAllowed(Exception):
    """The sale's state does not allow this."""


class TooFewUnits(NotAllowed):
    """A draft has not so many units of the item."""

    def __init__(self, sku: str, available: int) -> None:
        super().__init__(f"{sku} has {available} units left: nothing was taken out")
        self.available = available


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def to_the_millisecond(moment: datetime) -> datetime:
    """As Redis and every answer have it: what an answer shows is what there is."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class SaleExists(Exception):
    """There is another sale of this id."""


async def create(database: Database, definition: SaleDefinition, *, actor: str = OURSELVES) -> bool:
    """Create a draft; False where it was created before. Raises SaleExists for another one."""
    async with database.transaction() as connection:
        if not await _insert_sale(connection, definition):
            if not await connection.fetchval(SALE_IS_SAME, definition.id, definition.source):
                raise SaleExists(definition.id)
            return False
        await _insert_items(connection, definition.id, definition.items)
        for statement in (CHECKPOINT_BEGIN, HOLD_CLOCK_BEGIN, LEASE_BEGIN):
            await connection.execute(statement, definition.id)
        # What it was made from stays with the sale itself.
        told = {"name": definition.name, "items": len(definition.items)}
        await record(connection, actor, What.SALE_CREATE, definition.id, **told)
    return True


async def _insert_sale(connection: Connection, definition: SaleDefinition) -> bool:
    created = await connection.fetchval(
        SALE_INSERT,
        definition.id,
        definition.name,
        definition.opens_at,
        definition.closes_at,
        definition.hold_seconds,
        definition.currency,
        definition.durability,
        definition.reservations_per_customer,
        definition.source,
        definition.max_hold_seconds,
    )
    return created is not None


async def _insert_items(
    connection: Connection, sale_id: str, items: Sequence[ItemDefinition]
) -> None:
    skus = [item.sku for item in items]
    prices = [item.price for item in items]
    await connection.execute(PRODUCTS_INSERT, skus, [item.name for item in items], prices)
    limits = [item.limit_per_customer for item in items]
    units = [item.units for item in items]
    await connection.execute(ITEMS_INSERT, sale_id, skus, prices, limits, units)


async def read(database: Database, sale_id: str) -> Sale:
    """The sale. Raises NoSuchSale."""
    row = await database.row(SALE_READ, sale_id)
    if row is None:
        raise NoSuchSale(sale_id)
    return parse_sale(row)


async def read_all(database: Database) -> list[Sale]:
    """Every sale, newest first."""
    return [parse_sale(row) for row in await database.rows(SALES_LIST)]


async def page(
    database: Database, *, after: str | None, state: str | None, count: int
) -> list[Sale]:
    """`count` sales that are no drafts, newest first, after the one with the id `after`.

    `state` is one that buyers meet: scheduled, open, paused, closed; None for any.
    """
    return [parse_sale(row) for row in await database.rows(SALES_PAGE, after, state, count)]


async def page_of_all(
    database: Database, *, after: str | None, state: str | None, count: int
) -> list[Sale]:
    """As `page`, with drafts; `state` is the ledger's, None for any."""
    return [parse_sale(row) for row in await database.rows(SALES_OF_STATE, after, state, count)]


async def read_items(database: Database, sale_id: str) -> list[LedgerItem]:
    """The items of a sale, by sku."""
    return [parse_item(row) for row in await database.rows(ITEMS_READ, sale_id)]


# From which states an act leads to which; the state it leads to is left as it is.
ACTS = {
    "open": (SaleState.OPEN, (SaleState.DRAFT,)),
    "pause": (SaleState.PAUSED, (SaleState.OPEN,)),
    "resume": (SaleState.OPEN, (SaleState.PAUSED,)),
    "close": (SaleState.CLOSED, (SaleState.OPEN, SaleState.PAUSED)),
}


def state_after(act: str) -> SaleState:
    """What an act makes of a sale."""
    return ACTS[act][0]


async def change_state(
    database: Database, sale_id: str, act: str, *, actor: str = OURSELVES
) -> bool:
    """Open, pause, resume or close a sale; False where it was so already.

    Raises NoSuchSale, NotAllowed.
    """
    async with database.transaction() as connection:
        return await _change_state(connection, sale_id, act, actor)


async def pause(connection: Connection, sale_id: str) -> None:
    """Let nobody in for now, within a transaction of ours; a closed sale stays as it is."""
    with suppress(NotAllowed):
        await _change_state(connection, sale_id, "pause", OURSELVES)


async def _change_state(connection: Connection, sale_id: str, act: str, actor: str) -> bool:
    to, allowed = ACTS[act]
    row = await connection.fetchrow(SALE_LOCK, sale_id)
    if row is None:
        raise NoSuchSale(sale_id)
    if row["state"] == to:
        return False
    changed = await connection.fetchrow(CHANGE_STATE, sale_id, to, list(allowed))
    if changed is None:
        raise NotAllowed(f"sale {sale_id} is {row['state']}: it cannot {act}")
    sale = parse_sale(await connection.fetchrow(SALE_LOCK, sale_id) or row)
    await ask_state(
        connection,
        sale_id,
        state=sale.state,
        opens_at_ms=sale.opens_at_ms,
        closes_at_ms=sale.closes_at_ms,
        revision=sale.revision,
    )
    await record(connection, actor, What(f"sale.{act}"), sale_id)
    return True


async def grant(
    database: Database, sale_id: str, *, sku: str, units: int, request: str, context: dict[str, str]
) -> bool:
    """Grant units to an item, once for a request; False where the request was done before.

    `context` says who and why. Raises NoSuchSale, NoSuchItem, NotAllowed.
    """
    async with database.transaction() as connection:
        await _lock_adjustable(connection, sale_id)
        if not await _first_time(connection, sale_id, sku, units, request, context):
            return False
        row = await connection.fetchrow(ITEM_RAISE, sale_id, sku, units)
        if row is None:
            raise NoSuchItem(sku)
        revision = row["raised_revision"]
        await ask_grant(connection, sale_id, sku=sku, raised=row["raised"], revision=revision)
        await _record_units(connection, What.UNITS_GRANT, sale_id, sku, units, context)
    return True


async def lower_draft(
    database: Database, sale_id: str, *, sku: str, units: int, request: str, context: dict[str, str]
) -> bool:
    """Take units out of an item that Redis has never had; otherwise as `grant`."""
    async with database.transaction() as connection:
        sale = await _lock_adjustable(connection, sale_id)
        if sale.state != SaleState.DRAFT:
            raise NotAllowed(f"sale {sale_id} is {sale.state}: its units are taken out in Redis")
        if not await _first_time(connection, sale_id, sku, -units, request, context):
            return False
        if await connection.fetchrow(ITEM_LOWER_DRAFT, sale_id, sku, units) is None:
            item = next(each for each in await _items(connection, sale_id) if each.sku == sku)
            raise TooFewUnits(sku, item.granted)
        await _record_units(connection, What.UNITS_LOWER, sale_id, sku, -units, context)
    return True


async def _record_units(
    connection: Connection, what: What, sale_id: str, sku: str, delta: int, context: dict[str, str]
) -> None:
    """As `adjustments_insert` does for what Redis has taken out."""
    actor, reason = context.get("actor", OURSELVES), context.get("reason")
    await record(connection, actor, what, sale_id, sku=sku, delta=delta, reason=reason)


async def _lock_adjustable(connection: Connection, sale_id: str) -> Sale:
    row = await connection.fetchrow(SALE_LOCK, sale_id)
    if row is None:
        raise NoSuchSale(sale_id)
    sale = parse_sale(row)
    if sale.state == SaleState.CLOSED:
        raise NotAllowed(f"sale {sale_id} is closed")
    return sale


async def _first_time(
    connection: Connection,
    sale_id: str,
    sku: str,
    delta: int,
    request: str,
    context: dict[str, str],
) -> bool:
    if all(item.sku != sku for item in await _items(connection, sale_id)):
        raise NoSuchItem(sku)
    text = json.dumps(context)
    created = await connection.fetchval(ADJUSTMENT_INSERT, request, sale_id, sku, delta, text)
    return created is not None


async def _items(connection: Connection, sale_id: str) -> list[LedgerItem]:
    return [parse_item(row) for row in await connection.fetch(ITEMS_READ, sale_id)]


async def find_adjustment(database: Database, request: str) -> Adjustment | None:
    """The grant or lowering that was made under this request."""
    row = await database.row(ADJUSTMENT_FIND, request)
    return None if row is None else Adjustment(**dict(row))


def parse_sale(row: Row) -> Sale:
    """A sale from `sale_read`, `sale_lock` or `sales_list`."""
    return Sale(
        id=row["id"],
        name=row["name"],
        state=SaleState(row["state"]),
        revision=row["revision"],
        opens_at=row["opens_at"],
        closes_at=row["closes_at"],
        hold_seconds=row["hold_seconds"],
        max_hold_seconds=row["max_hold_seconds"],
        currency=row["currency"],
        durability=row["durability"],
        reservations_per_customer=row["reservations_per_customer"],
        epoch=row["epoch"],
        version=row["version"],
        opened=row["opened"],
    )


def parse_item(row: Row) -> LedgerItem:
    """An item from `items_read` or `items_read_locked`."""
    return LedgerItem(
        sku=row["sku"],
        name=row["name"],
        price=row["price"],
        limit_per_customer=row["limit_per_customer"],
        raised=row["raised"],
        raised_revision=row["raised_revision"],
        lowered=row["lowered"],
        granted=row["granted"],
        taken=row["taken"],
        mirror=row["mirror"],
    )
