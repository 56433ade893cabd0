"""Changes what a sale is defined as: a draft freely, an opened one where the protocol allows it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Final, TypeAlias

import asyncpg

from sql import sales
from sql.acts import What, record
from sql.database import Connection, Database
from sql.outbox import ask_state
from sql.sales import (
    ITEMS_READ,
    PRODUCTS_INSERT,
    SALE_LOCK,
    ItemDefinition,
    LedgerItem,
    NoSuchSale,
    NotAllowed,
    Sale,
    SaleDefinition,
    SaleState,
    milliseconds,
    parse_item,
    parse_sale,
    to_the_millisecond,
)
from sql.statement import load

SALE_REDEFINE: Final = load("sale_redefine")
COUNT_REVISION: Final = load("sale_count_revision")
ITEMS_DROP: Final = load("items_drop")
ITEMS_REDEFINE: Final = load("items_redefine")

WINDOW: Final = frozenset({"opens_at", "closes_at"})
# Redis learns of a window from the ledger, and of nothing else in this list: a price or a limit of
# an opened sale would differ between the stores, and units have a way of their own.
CHANGEABLE: Final = WINDOW | {"name"}


class NotChangeable(NotAllowed):
    """These fields of the sale cannot be changed any more."""

    def __init__(self, changed: Sequence[str]) -> None:
        super().__init__(f"of an opened sale {', '.join(changed)} cannot be changed")
        self.fields = tuple(changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedSale:
    """A sale with its items."""

    sale: Sale
    items: tuple[LedgerItem, ...]

    def definition(self) -> SaleDefinition:
        """What it is defined as now; the units of an item are those that are granted."""
        sale = self.sale
        return SaleDefinition(
            id=sale.id,
            name=sale.name,
            opens_at=to_the_millisecond(sale.opens_at),
            closes_at=to_the_millisecond(sale.closes_at) if sale.closes_at else None,
            hold_seconds=sale.hold_seconds,
            max_hold_seconds=sale.max_hold_seconds,
            currency=sale.currency,
            durability=sale.durability,
            reservations_per_customer=sale.reservations_per_customer,
            source="",
            items=tuple(
                ItemDefinition(
                    sku=item.sku,
                    name=item.name,
                    price=item.price,
                    units=item.granted,
                    limit_per_customer=item.limit_per_customer,
                )
                for item in self.items
            ),
        )


# What a sale is to be defined as, by what it is; it may refuse by raising.
Decide: TypeAlias = Callable[[DefinedSale], SaleDefinition]


async def read(database: Database, sale_id: str) -> DefinedSale:
    """The sale. Raises NoSuchSale."""
    sale = await sales.read(database, sale_id)
    return DefinedSale(sale=sale, items=tuple(await sales.read_items(database, sale_id)))


async def change(database: Database, sale_id: str, decide: Decide, *, actor: str) -> DefinedSale:
    """Define the sale as `decide` says, under its lock; returns what it is then.

    Raises NoSuchSale, NotAllowed, and what `decide` raises.
    """
    async with database.transaction() as connection:
        before = await _locked(connection, sale_id)
        wanted = decide(before)
        changed = _differences(before.definition(), wanted)
        if not changed:
            return before
        if before.sale.state == SaleState.DRAFT:
            await _redefine_items(connection, wanted)
        else:
            _check_opened(before.sale, wanted, changed)
        await _redefine(connection, wanted)
        if changed & WINDOW and before.sale.state != SaleState.DRAFT:
            await _ask_window(connection, before.sale, wanted)
        await record(connection, actor, What.SALE_CHANGE, sale_id, to=_told(wanted, changed))
        return await _locked(connection, sale_id)


async def _locked(connection: Connection, sale_id: str) -> DefinedSale:
    row = await connection.fetchrow(SALE_LOCK, sale_id)
    if row is None:
        raise NoSuchSale(sale_id)
    items = await connection.fetch(ITEMS_READ, sale_id)
    return DefinedSale(sale=parse_sale(row), items=tuple(parse_item(each) for each in items))


def _differences(one: SaleDefinition, other: SaleDefinition) -> set[str]:
    names = {field.name for field in fields(SaleDefinition)} - {"source"}
    return {name for name in names if getattr(one, name) != getattr(other, name)}


def _check_opened(sale: Sale, wanted: SaleDefinition, changed: set[str]) -> None:
    if changed - CHANGEABLE:
        raise NotChangeable(sorted(changed - CHANGEABLE))
    if not changed & WINDOW:
        return
    now = datetime.now(UTC)
    # Whoever watched was told that a closed sale never opens again.
    if sale.state == SaleState.CLOSED or (sale.closes_at and sale.closes_at <= now):
        raise NotAllowed(f"sale {sale.id} is closed: its window cannot be changed")
    if wanted.closes_at and wanted.closes_at <= now:
        raise NotAllowed("closes_at is over; a sale that is to end now can be closed")


def _told(wanted: SaleDefinition, changed: set[str]) -> dict[str, object]:
    """What was changed, for the log."""
    return {name: value for name, value in asdict(wanted).items() if name in changed}


async def _redefine(connection: Connection, wanted: SaleDefinition) -> None:
    await connection.execute(
        SALE_REDEFINE,
        wanted.id,
        wanted.name,
        wanted.opens_at,
        wanted.closes_at,
        wanted.hold_seconds,
        wanted.max_hold_seconds,
        wanted.currency,
        wanted.durability,
    )


async def _redefine_items(connection: Connection, wanted: SaleDefinition) -> None:
    items = wanted.items
    skus, prices = [item.sku for item in items], [item.price for item in items]
    await connection.execute(PRODUCTS_INSERT, skus, [item.name for item in items], prices)
    limits, units = [each.limit_per_customer for each in items], [each.units for each in items]
    await connection.execute(ITEMS_REDEFINE, wanted.id, skus, prices, limits, units)
    try:
        await connection.execute(ITEMS_DROP, wanted.id, skus)
    except asyncpg.ForeignKeyViolationError as error:
        raise NotAllowed(
            "an item that was granted units, or lost some, stays in the sale"
        ) from error


async def _ask_window(connection: Connection, sale: Sale, wanted: SaleDefinition) -> None:
    revision = await connection.fetchval(COUNT_REVISION, sale.id)
    await ask_state(
        connection,
        sale.id,
        state=sale.state,
        opens_at_ms=milliseconds(wanted.opens_at),
        closes_at_ms=milliseconds(wanted.closes_at) if wanted.closes_at else 0,
        revision=revision,
    )
