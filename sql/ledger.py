"""The transaction that turns read history into ledger rows, and the checkpoint that guards it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import asyncpg

from sql.database import Connection, Database
from sql.parking import park
from sql.statement import load

CHECKPOINT_READ = load("checkpoint_read")
CHECKPOINT_ADVANCE = load("checkpoint_advance")
ITEMS_LOCK = load("items_lock")
ITEMS_MOVE = load("items_move")
RESERVATIONS_INSERT = load("reservations_insert")
RESERVATIONS_KNOWN = load("reservations_known")
ADJUSTMENTS_INSERT = load("adjustments_insert")
OUTBOX_FINISH = load("outbox_finish")
OUTBOX_SUPERSEDE = load("outbox_supersede")
CORRECTION_APPLIED = load("correction_applied")


class Superseded(Exception):
    """The checkpoint is not where the caller began: somebody else has moved it."""


class Unreadable(Exception):
    """A context is not what the ledger can store: everything else of the batch may be well."""


class Contradiction(Exception):
    """The history does not fit the ledger. There is one answer: close, alarm, rebuild."""


# What a malformed context, or a U+0000 in it, ends in.
_UNREADABLE = (
    asyncpg.InvalidTextRepresentationError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.CharacterNotInRepertoireError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a sale's history was read; `opened` is the last epoch that was let through."""

    epoch: int
    version: int
    opened: int


@dataclass(slots=True, kw_only=True)
class Admissions:
    """Admitted reservations, one column a list, as `unnest` takes them.

    An id is 32 hexadecimal digits.
    """

    ids: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    admitted_at_ms: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Lowerings:
    """Units that an operator took out, one column a list."""

    requests: list[str] = field(default_factory=list)
    skus: list[str] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCheck:
    """An entry's stock of one item: the mirror, moved by `moved`, must be `available`."""

    version: int
    sku: str
    moved: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A correction that Redis has made: units of the item before and after."""

    version: int
    sku: str
    number: int
    before: int
    after: int


@dataclass(slots=True, kw_only=True)
class Batch:
    """Entries of a sale's history, from just after `began` to `last`, ready to be committed."""

    sale_id: str
    epoch: int
    began: int
    last: int
    admissions: Admissions = field(default_factory=Admissions)
    lowerings: Lowerings = field(default_factory=Lowerings)
    returns: list[str] = field(default_factory=list)
    grants: list[tuple[str, int]] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    corrections: list[Corrected] = field(default_factory=list)
    mirror: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    checks: list[StockCheck] = field(default_factory=list)


async def read_checkpoint(database: Database, sale_id: str) -> Checkpoint:
    """The checkpoint of a sale that exists."""
    row = await database.row(CHECKPOINT_READ, sale_id)
    if row is None:
        raise Contradiction(f"sale {sale_id} has no checkpoint")
    return Checkpoint(epoch=row["epoch"], version=row["version"], opened=row["opened"])


async def commit(database: Database, batch: Batch, *, parking: bool = False) -> None:
    """Commit a batch whole, or not at all.

    Raises Unreadable where a context cannot be read, unless `parking` sets it apart; Superseded,
    Contradiction, or a `sql.faults.LedgerFault`: after the last it may have been committed or
    not, which the next look at the checkpoint tells.
    """
    async with database.transaction() as connection:
        await _advance(connection, batch)
        with _refusals_translated(parking=parking):
            await _write(connection, batch, parking=parking)


async def _write(connection: Connection, batch: Batch, *, parking: bool) -> None:
    await _check_stock(connection, batch)
    if parking:
        new = batch.admissions
        new.contexts = await park(connection, batch.sale_id, new.ids, new.contexts)
    await _insert_reservations(connection, batch)
    await _move_items(connection, batch)
    await _record_lowerings(connection, batch)
    await _finish_outbox(connection, batch)


@contextmanager
def _refusals_translated(*, parking: bool) -> Iterator[None]:
    """What a constraint or a type of the ledger refuses today, it refuses for ever."""
    try:
        yield
    except _UNREADABLE as error:
        # Where contexts were set apart already, something else cannot be read.
        raise (Contradiction if parking else Unreadable)(str(error)) from error
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
        raise Contradiction(str(error)) from error


async def _advance(connection: Connection, batch: Batch) -> None:
    moved = await connection.fetchval(
        CHECKPOINT_ADVANCE, batch.sale_id, batch.epoch, batch.began, batch.last
    )
    if not moved:
        raise Superseded


async def _check_stock(connection: Connection, batch: Batch) -> None:
    if not batch.mirror:
        return
    rows = await connection.fetch(ITEMS_LOCK, batch.sale_id, sorted(batch.mirror))
    mirror: dict[str, int] = {row["sku"]: row["mirror"] for row in rows}
    for check in batch.checks:
        if check.sku not in mirror:
            raise Contradiction(f"version {check.version} is of {check.sku}, unknown here")
        expected = mirror[check.sku] + check.moved
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
        new.ids,
        new.customers,
        new.fingerprints,
        new.lines,
        new.contexts,
        new.epochs,
        new.versions,
        new.admitted_at_ms,
    )
    if inserted != len(new.ids):
        known = [row["id"].hex for row in await connection.fetch(RESERVATIONS_KNOWN, new.ids)]
        one = known[0] if known else "one that comes twice"
        raise Contradiction(f"{len(new.ids) - inserted} ids were admitted before: {one}")


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
