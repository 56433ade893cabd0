"""A rebuild by hand: what it would do to a sale, and having it done.

The reconciler that keeps the sale rebuilds it; whoever asked waits a little.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from gateway.admin.availability import proven_record
from lua.record import Record
from lua.server import Server
from lua.store import SaleStore
from sql.database import Database
from sql.outbox import is_pending
from sql.rebuilds import LedgerBooks, ask_for_rebuild, read_books

LOOK_SECONDS: Final = 0.1


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
    """Read both stores and compute.

    Raises LookupError where there is no such sale, and the faults of both stores.
    """
    record = await store.read()
    return _rehearsal(store.sale_id, await read_books(database, store.sale_id), record)


def _rehearsal(sale_id: str, ledger: LedgerBooks, record: Record | None) -> Rehearsal:
    checkpoint = ledger.checkpoint
    return Rehearsal(
        sale_id=sale_id,
        proven=record is not None and record.proven,
        epoch=checkpoint.epoch,
        redis_epoch=record.epoch if record else None,
        version=checkpoint.version,
        redis_version=record.version if record else None,
        unread=max(record.version - checkpoint.version, 0) if record else 0,
        reservations=ledger.reservations,
        redis_reservations=record.reservations if record else None,
        items=[
            ItemRehearsal(
                sku=item.sku,
                granted=item.granted,
                active=ledger.active.get(item.sku, 0),
                before=_available(record, item.sku),
                after=item.granted - ledger.active.get(item.sku, 0),
            )
            for item in ledger.items
        ],
    )


def _available(record: Record | None, sku: str) -> int | None:
    item = record.items.get(sku) if record else None
    return item.available if item else None


async def rebuild(
    database: Database, redis: Server, sale_id: str, *, actor: str, seconds: float
) -> Record | None:
    """Have the sale written anew; returns its record, or None where that takes longer.

    Then it will be done all the same. Raises LookupError where there is no such sale, and
    `sql.faults.LedgerFault`.
    """
    key = await ask_for_rebuild(database, sale_id, actor=actor)
    try:
        async with asyncio.timeout(seconds):
            while await is_pending(database, sale_id, [("rebuild", key)]):
                await asyncio.sleep(LOOK_SECONDS)
            # The ledger is done before Redis is open again.
            while (record := await proven_record(redis, sale_id)) is None:
                await asyncio.sleep(LOOK_SECONDS)
            return record
    except TimeoutError:
        return None
