"""The transaction that turns read history into ledger rows, and the checkpoint that guards it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sql.alarms import AlarmKind, raise_alarm
from sql.batch import Batch, Corrected
from sql.database import Connection, Database, Row
from sql.faults import REFUSED
from sql.parking import ParkedKind
from sql.refusal import RESERVATIONS_KNOWN, Refusal, set_apart
from sql.sales import SALE_LOCK, pause
from sql.statement import load

CHECKPOINT_READ = load("checkpoint_read")
CHECKPOINT_ADVANCE = load("checkpoint_advance")
CHECKPOINT_DOUBT = load("checkpoint_doubt")
ITEMS_LOCK = load("items_lock")
ITEMS_MOVE = load("items_move")
RESERVATIONS_INSERT = load("reservations_insert")
RESERVATIONS_END = load("reservations_end")
ADJUSTMENTS_INSERT = load("adjustments_insert")
OUTBOX_FINISH = load("outbox_finish")
OUTBOX_SUPERSEDE = load("outbox_supersede")
CORRECTION_APPLIED = load("correction_applied")


class Superseded(Exception):
    """The checkpoint is not where the caller began: somebody else has moved it."""


class Refused(Exception):
    """Postgres refuses something of the batch: everything else of it may be well."""


class Contradiction(Exception):
    """The history does not fit the ledger. There is one answer: close, alarm, rebuild."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a sale's history was read; `opened` is the last epoch that was let through.

    `rebuild`: Redis holds what the ledger has not taken, and may not be adopted as it is.
    """

    epoch: int
    version: int
    opened: int
    rebuild: bool = False


async def read_checkpoint(database: Database, sale_id: str) -> Checkpoint:
    """The checkpoint of a sale that exists."""
    row = await database.row(CHECKPOINT_READ, sale_id)
    if row is None:
        raise Contradiction(f"sale {sale_id} has no checkpoint")
    return Checkpoint(**dict(row))


async def commit(database: Database, batch: Batch) -> None:
    """Commit a batch whole, or not at all.

    Raises Refused where a part of it might be set apart, Superseded, Contradiction, or a
    `sql.faults.LedgerFault`: after the last it may have been committed or not, which the next look
    at the checkpoint tells.
    """
    async with database.transaction() as connection:
        await _advance(connection, batch)
        _check_stock(batch, await _lock_items(connection, batch))
        try:
            await _write(connection, batch)
        except REFUSED as error:
            raise Refused(str(error)) from error


async def commit_the_rest(database: Database, batch: Batch) -> list[Refusal]:
    """Commit a batch that was refused without what Postgres refuses of it, which is parked.

    The sale is paused in the same transaction, and an alarm raised: whatever wrote it may write
    more. Where an order is missing now, Redis is to be rebuilt. Raises as `commit` does, but for
    Refused.
    """
    async with database.transaction() as connection:
        # The sale first, which is paused at the end: a grant locks it before an item.
        await connection.fetchrow(SALE_LOCK, batch.sale_id)
        await _advance(connection, batch)
        items = await _lock_items(connection, batch)
        _check_stock(batch, items)
        refusals = await set_apart(connection, batch, _room(batch, items))
        try:
            await _write(connection, batch)
        except (*REFUSED, Refused) as error:
            raise Contradiction(str(error)) from error
        await _tell(connection, batch.sale_id, refusals)
    return refusals


async def _tell(connection: Connection, sale_id: str, refusals: Sequence[Refusal]) -> None:
    if not refusals:
        return
    if any(each.kind is ParkedKind.ADMISSION for each in refusals):
        await connection.execute(CHECKPOINT_DOUBT, sale_id)
    await pause(connection, sale_id)
    counts = Counter(each.kind for each in refusals)
    what = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    told = f"paused, parked: {what}; the first: {refusals[0].reason}"
    await raise_alarm(connection, sale_id, AlarmKind.PARKED, told)


def _room(batch: Batch, items: Mapping[str, Row]) -> dict[str, int]:
    """Units of each item that may still be taken, after what the batch takes out."""
    room = {sku: item["granted"] - item["taken"] for sku, item in items.items()}
    for sku, units in zip(batch.lowerings.skus, batch.lowerings.units, strict=True):
        room[sku] -= units
    return room


async def _write(connection: Connection, batch: Batch) -> None:
    await _insert_reservations(connection, batch)
    await _move_items(connection, batch)
    await _record_lowerings(connection, batch)
    await _finish_outbox(connection, batch)


async def _advance(connection: Connection, batch: Batch) -> None:
    moved = await connection.fetchval(
        CHECKPOINT_ADVANCE, batch.sale_id, batch.epoch, batch.began, batch.last
    )
    if not moved:
        raise Superseded


async def _lock_items(connection: Connection, batch: Batch) -> dict[str, Row]:
    if not batch.mirror:
        return {}
    rows = await connection.fetch(ITEMS_LOCK, batch.sale_id, sorted(batch.mirror))
    return {row["sku"]: row for row in rows}


def _check_stock(batch: Batch, items: Mapping[str, Row]) -> None:
    for check in batch.checks:
        if check.sku not in items:
            raise Contradiction(f"version {check.version} is of {check.sku}, unknown here")
        expected = items[check.sku]["mirror"] + check.moved
        if expected != check.available:
            raise Contradiction(
                f"version {check.version}: {check.sku} has {check.available} left in Redis, "
                f"{expected} by the ledger"
            )


async def _insert_reservations(connection: Connection, batch: Batch) -> None:
    new = batch.admissions
    if not new.ids:
        return
    inserted: int = await connection.fetchval(
        RESERVATIONS_INSERT,
        batch.sale_id,
        *map("\n".join, (new.ids, new.customers, new.fingerprints, new.lines, new.contexts)),
        new.epochs,
        new.versions,
        new.admitted_at_ms,
    )
    if inserted != len(new.ids):
        known = [row["id"].hex for row in await connection.fetch(RESERVATIONS_KNOWN, new.ids)]
        one = known[0] if known else "one that comes twice"
        raise Refused(f"{len(new.ids) - inserted} ids were admitted before: {one}")


async def _move_items(connection: Connection, batch: Batch) -> None:
    skus = sorted(batch.mirror)
    if not skus:
        return
    lowered: Counter[str] = Counter()
    for sku, units in zip(batch.lowerings.skus, batch.lowerings.units, strict=True):
        lowered[sku] += units
    await connection.execute(
        ITEMS_MOVE,
        batch.sale_id,
        skus,
        _column(batch.mirror, skus),
        _column(batch.taken, skus),
        _column(lowered, skus),
    )


def _column(counter: Counter[str], skus: Sequence[str]) -> list[int]:
    return [counter[sku] for sku in skus]


async def _record_lowerings(connection: Connection, batch: Batch) -> None:
    made = batch.lowerings
    if made.requests:
        deltas = [-units for units in made.units]
        await connection.execute(
            ADJUSTMENTS_INSERT, batch.sale_id, made.requests, made.skus, deltas, made.contexts
        )


async def _finish_outbox(connection: Connection, batch: Batch) -> None:
    """An entry whose row the ledger does not know means that the ledger was rolled back."""
    if batch.returns:
        finished = await connection.fetchval(OUTBOX_FINISH, batch.sale_id, "return", batch.returns)
        if finished != len(batch.returns):
            raise Contradiction(
                f"{len(batch.returns)} returns were read, {finished} were asked for"
            )
        if batch.restores:
            await connection.execute(RESERVATIONS_END, batch.returns, batch.ends)
    for sku, revision in batch.grants:
        await _supersede(connection, batch.sale_id, "grant", f"{sku}:", revision)
    for revision in batch.states:
        await _supersede(connection, batch.sale_id, "state", "", revision)
    for made in batch.corrections:
        await _finish_correction(connection, batch.sale_id, made)


async def _finish_correction(connection: Connection, sale_id: str, made: Corrected) -> None:
    key = f"{made.sku}:{made.number}"
    if not await connection.fetchval(OUTBOX_FINISH, sale_id, "correction", [key]):
        raise Contradiction(f"correction {key} was read, but never asked for")
    await connection.execute(
        CORRECTION_APPLIED,
        sale_id,
        made.sku,
        made.number,
        made.version,
        made.before,
        made.after,
    )


async def _supersede(
    connection: Connection, sale_id: str, kind: str, prefix: str, revision: int
) -> None:
    known = await connection.fetchval(OUTBOX_SUPERSEDE, sale_id, kind, prefix, revision)
    if not known:
        raise Contradiction(f"{kind} {prefix}{revision} was read, but never asked for")
