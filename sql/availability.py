"""Where the units of sales are, by the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from sql.database import Database, Row
from sql.statement import load

READ: Final = load("availability_read")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemUnits:
    """The units of an item, at one checkpoint: what is granted is in one of the other places."""

    sku: str
    name: str
    granted: int
    available: int
    held: int
    paid: int
    returning: int

    @property
    def arriving(self) -> int:
        """Granted, and not on sale yet: all of a draft, and what Redis has still to be told."""
        return self.granted - self.available - self.held - self.paid - self.returning


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The units of a sale's items, as of the checkpoint."""

    epoch: int
    version: int
    items: tuple[ItemUnits, ...]


NO_UNITS: Final = Units(epoch=0, version=0, items=())


async def read_units(database: Database, sale_id: str) -> Units:
    """Where the units of a sale are; one that does not exist has none."""
    return (await read_all_units(database, [sale_id])).get(sale_id, NO_UNITS)


async def read_all_units(database: Database, sale_ids: Iterable[str]) -> dict[str, Units]:
    """Where the units of each sale are, all at the same moment.

    It reads every hold of these sales, a hundred thousand in about a tenth of a second.
    """
    rows = await database.rows(READ, list(sale_ids))
    return {sale_id: _units(list(of)) for sale_id, of in groupby(rows, itemgetter("sale_id"))}


def _units(rows: list[Row]) -> Units:
    return Units(
        epoch=rows[0]["epoch"],
        version=rows[0]["version"],
        items=tuple(_item(row) for row in rows),
    )


def _item(row: Row) -> ItemUnits:
    return ItemUnits(
        sku=row["sku"],
        name=row["name"],
        granted=row["granted"],
        available=row["available"],
        held=row["held"],
        # What is taken is held or paid: the ledger's own constraint, and the audit, say so.
        paid=row["taken"] - row["held"],
        returning=row["returning"],
    )
