"""What the ledger refused, and what an operator makes of it.

A record that Postgres refuses is set apart by the transaction that commits all the rest
(`sql/refusal.py`). Here it is looked at, taken after all, or discarded.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sql.acts import What, record
from sql.context import why_unreadable
from sql.database import Connection, Database, Row
from sql.statement import load

PARKED_LIST = load("parked_list")
PARKED_FIND = load("parked_find")
PARKED_LOCK = load("parked_lock")
PARKED_RESOLVE = load("parked_resolve")
RESERVATION_CONTEXT = load("reservation_context")
# A page; whoever wants more asks for what comes before the last of it.
MOST_PARKED: Final = 100


class ParkedKind(StrEnum):
    """What was refused.

    CONTEXT: the order is in the ledger, and what the caller said besides could not be read.
    ADMISSION: the order itself could not be taken. It is not in the ledger, and a rebuild took it
    out of Redis too. LOWERING: units were taken out, and who did it and why, or under which id,
    could not be kept as it was said.
    """

    CONTEXT = "context"
    ADMISSION = "admission"
    LOWERING = "lowering"


class Resolution(StrEnum):
    """What became of a parked record."""

    RETRIED = "retried"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """What the ledger refused, what Postgres said of it, and who has dealt with it.

    `subject` is the reservation (a UUID), or the request of a lowering; `note` says why it was
    discarded.
    """

    id: int
    sale_id: str
    kind: ParkedKind
    subject: str
    record: bytes
    reason: str
    parked_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: Resolution | None
    note: str | None


_CANNOT_RETRY: Final = {
    ParkedKind.ADMISSION: "the order is gone; its buyer may check out again: discard it",
    ParkedKind.LOWERING: "the units are out, and on record: discard it",
}


class NoSuchParked(Exception):
    """Nothing was parked under this id."""


class CannotRetry(Exception):
    """The ledger refuses it still; the message says why."""


# What an operator does


async def list_parked(
    database: Database,
    *,
    sale_id: str | None = None,
    resolved: bool = False,
    before: int | None = None,
    limit: int = MOST_PARKED,
) -> list[Parked]:
    """What was parked, newest first, what was dealt with only where asked for.

    `before` is the id of the last one that the caller has seen.
    """
    rows = await database.rows(PARKED_LIST, sale_id, resolved, before, limit)
    return [_parse(row) for row in rows]


async def find_parked(database: Database, parked_id: int) -> Parked | None:
    """What was parked under this id, dealt with or not."""
    row = await database.row(PARKED_FIND, parked_id)
    return None if row is None else _parse(row)


async def retry(
    database: Database, parked_id: int, *, actor: str, mended: str | None = None
) -> Parked:
    """Take a parked record into the ledger after all, as it was, or as it was mended.

    What was dealt with stays as it is. Raises NoSuchParked, CannotRetry.
    """
    async with database.transaction() as connection:
        parked = await _locked(connection, parked_id)
        if parked.resolved_at is not None:
            return parked
        if parked.kind is not ParkedKind.CONTEXT:
            raise CannotRetry(_CANNOT_RETRY[parked.kind])
        await _read_again(connection, parked, mended)
        return await _resolved(connection, parked_id, actor, Resolution.RETRIED, None)


async def discard(database: Database, parked_id: int, *, actor: str, reason: str) -> Parked:
    """Leave the ledger as it is without a parked record; the record itself stays on file.

    What was dealt with stays as it is. Raises NoSuchParked.
    """
    async with database.transaction() as connection:
        parked = await _locked(connection, parked_id)
        if parked.resolved_at is not None:
            return parked
        return await _resolved(connection, parked_id, actor, Resolution.DISCARDED, reason)


async def _locked(connection: Connection, parked_id: int) -> Parked:
    row = await connection.fetchrow(PARKED_LOCK, parked_id)
    if row is None:
        raise NoSuchParked(str(parked_id))
    return _parse(row)


async def _read_again(connection: Connection, parked: Parked, mended: str | None) -> None:
    context = parked.record.decode() if mended is None else mended
    why = await why_unreadable(connection, [context])
    if why is not None:
        raise CannotRetry(why)
    if await connection.fetchrow(RESERVATION_CONTEXT, UUID(parked.subject), context) is None:
        raise CannotRetry(f"the ledger has no reservation {parked.subject}")


async def _resolved(
    connection: Connection, parked_id: int, actor: str, how: Resolution, note: str | None
) -> Parked:
    row = await connection.fetchrow(PARKED_RESOLVE, parked_id, actor, how, note)
    if row is None:
        raise NoSuchParked(str(parked_id))
    what = What.PARKED_RETRY if how is Resolution.RETRIED else What.PARKED_DISCARD
    await record(connection, actor, what, str(parked_id), reason=note)
    return _parse(row)


def _parse(row: Row) -> Parked:
    return Parked(
        id=row["id"],
        sale_id=row["sale_id"],
        kind=ParkedKind(row["kind"]),
        subject=row["subject"],
        record=row["record"],
        reason=row["reason"],
        parked_at=row["parked_at"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
        resolution=Resolution(row["resolution"]) if row["resolution"] else None,
        note=row["note"],
    )
