"""Where the units of a sale are, by the ledger."""

from dataclasses import dataclass
from typing import Final

from sql.database import Database
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


async def read_units(database: Database, sale_id: str) -> Units:
    """Where the units are; a sale that does not exist has none."""
    rows = await database.rows(READ, sale_id)
    return Units(
        epoch=rows[0]["epoch"] if rows else 0,
        version=rows[0]["version"] if rows else 0,
        items=tuple(
            ItemUnits(
                sku=row["sku"],
                name=row["name"],
                granted=row["granted"],
                available=row["available"],
                held=row["held"],
                # What is taken is held or paid: the ledger's own constraint, and the audit, say so.
                paid=row["taken"] - row["held"],
                returning=row["returning"],
            )
            for row in rows
        ),
    )
