"""Batches as the reconciler builds them from a sale's history."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from drafts import LAMP

from sql.batch import Batch, StockCheck
from sql.database import Database, Row
from sql.lines import units_by_sku

LAMP_LINE = f"{LAMP}:1:500"


def ids(*numbers: int) -> list[UUID]:
    return [UUID(int=number) for number in numbers]


def admitting(
    sale_id: str,
    reservations: Sequence[UUID],
    *,
    began: int = 0,
    epoch: int = 0,
    lines: str = LAMP_LINE,
    customer: str = "ada",
) -> Batch:
    """A batch that does nothing but admit these reservations, all with the same lines."""
    count = len(reservations)
    batch = Batch(sale_id=sale_id, epoch=epoch, began=began, last=began + count)
    new = batch.admissions
    new.ids.extend(each.hex for each in reservations)
    new.customers.extend([customer] * count)
    new.fingerprints.extend(["fingerprint"] * count)
    new.lines.extend([lines] * count)
    new.contexts.extend(['{"durability": "fsync"}'] * count)
    new.epochs.extend([epoch] * count)
    new.versions.extend(range(began + 1, began + 1 + count))
    new.admitted_at_ms.extend([1_800_000_000_123] * count)
    units = units_by_sku([lines] * count)
    batch.taken.update(units)
    batch.mirror.subtract(units)
    return batch


def lowering(sale_id: str, request: str, *, units: int, began: int, sku: str = LAMP) -> Batch:
    """A batch in which an operator takes units out."""
    batch = Batch(sale_id=sale_id, epoch=0, began=began, last=began + 1)
    made = batch.lowerings
    made.requests.append(request)
    made.versions.append(began + 1)
    made.skus.append(sku)
    made.units.append(units)
    made.contexts.append('{"reason": "broken"}')
    batch.mirror.subtract({sku: units})
    return batch


def expecting(batch: Batch, available: Mapping[str, int]) -> Batch:
    """The batch, with the stock that its last entry says is left."""
    batch.checks.extend(
        StockCheck(version=batch.last, sku=sku, moved=batch.mirror[sku], available=left)
        for sku, left in available.items()
    )
    return batch


async def filled_mirror(database: Database, sale_id: str) -> None:
    """Make the mirror what the first opening of a sale installs."""
    await database.execute("update item set mirror = granted - taken where sale_id = $1", sale_id)


async def everything(database: Database) -> dict[str, Counter[str]]:
    """Every row of the tables that a commit writes, to compare before and after."""
    tables = ["checkpoint", "item", "reservation", "outbox", "adjustment"]
    return {table: _as_text(await database.rows(f"table {table}")) for table in tables}


def _as_text(rows: Sequence[Row]) -> Counter[str]:
    return Counter(repr(row) for row in rows)
