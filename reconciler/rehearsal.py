"""What a rebuild would do to a sale, told before anything is done."""

from collections import Counter
from dataclasses import dataclass

from lua.record import Record
from lua.store import SaleStore
from sql.audit import LedgerCut, ledger_cut
from sql.database import Database
from sql.lines import units_by_sku

ACTIVE = frozenset({"held", "paid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRehearsal:
    """Units: `granted` and `active` (held and paid) by the ledger, `available` before and after.

    `before` is None where Redis has no record.
    """

    sku: str
    granted: int
    active: int
    before: int | None
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A rebuild that was not done.

    `unread` counts the changes in Redis that the ledger has not read: they are read first, as far
    as the stream still has them. `reservations` are those that would be written anew.
    """

    sale_id: str
    proven: bool
    epoch: int
    redis_epoch: int | None
    version: int
    redis_version: int | None
    unread: int
    reservations: int
    redis_reservations: int | None
    items: list[ItemRehearsal]


async def rehearse(database: Database, store: SaleStore) -> Rehearsal:
    """Read both stores and compute. Raises LookupError where there is no such sale."""
    record = await store.read()
    async with ledger_cut(database, store.sale_id) as ledger:
        active: Counter[str] = Counter()
        count = 0
        async for row in ledger.reservations():
            count += 1
            if row.state in ACTIVE:
                active.update(units_by_sku([row.lines]))
        return _rehearsal(store.sale_id, ledger, record, active, count)


def _rehearsal(
    sale_id: str, ledger: LedgerCut, record: Record | None, active: Counter[str], count: int
) -> Rehearsal:
    checkpoint = ledger.checkpoint
    return Rehearsal(
        sale_id=sale_id,
        proven=record is not None and record.proven,
        epoch=checkpoint.epoch,
        redis_epoch=record.epoch if record else None,
        version=checkpoint.version,
        redis_version=record.version if record else None,
        unread=max(record.version - checkpoint.version, 0) if record else 0,
        reservations=count,
        redis_reservations=record.reservations if record else None,
        items=[
            ItemRehearsal(
                sku=sku,
                granted=item.granted,
                active=active[sku],
                before=_available(record, sku),
                after=item.granted - active[sku],
            )
            for sku, item in ledger.items.items()
        ],
    )


def _available(record: Record | None, sku: str) -> int | None:
    item = record.items.get(sku) if record else None
    return item.available if item else None
