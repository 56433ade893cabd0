"""What Redis has still to be told: a set of pending rows, never a high-water mark."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sql.database import Connection, Database
from sql.statement import load

PENDING = load("outbox_pending")
WAITING = load("outbox_waiting")
INSERT = load("outbox_insert")
RETURNS_INSERT = load("outbox_returns_insert")
IS_PENDING = load("outbox_is_pending")
RETURN_AGAIN = load("outbox_return_again")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReturn:
    """Units of a settled reservation to go back; `body` is what the return script takes."""

    row: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingGrant:
    """An item's cumulative sum of granted units."""

    row: int
    sku: str
    raised: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingState:
    """A sale's state and window; closes_at_ms 0 for no end."""

    row: int
    state: str
    opens_at_ms: int
    closes_at_ms: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCorrection:
    """What an audit found wrong with an item's stock, in Redis and in the mirror."""

    row: int
    sku: str
    units: int
    mirrored: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRebuild:
    """An operator wants all of the sale's Redis state to be written anew."""

    row: int
    actor: str


Pending: TypeAlias = (
    PendingReturn | PendingGrant | PendingState | PendingCorrection | PendingRebuild
)


async def read_pending(
    database: Database, sale_id: str, *, after: int, count: int
) -> list[Pending]:
    """The oldest pending rows after row `after`."""
    rows = await database.rows(PENDING, sale_id, after, count)
    return [_parse(row["id"], row["kind"], row["body"]) for row in rows]


def _parse(row: int, kind: str, body: str) -> Pending:
    if kind == "return":
        return PendingReturn(row=row, body=body)
    fields = json.loads(body)
    if kind == "grant":
        return PendingGrant(row=row, **fields)
    if kind == "correction":
        return PendingCorrection(row=row, **fields)
    if kind == "rebuild":
        return PendingRebuild(row=row, **fields)
    return PendingState(row=row, **fields)


async def is_waiting(database: Database, sale_id: str) -> bool:
    """Whether Redis has still to be told of the sale's state, or of a grant."""
    row = await database.row(WAITING, sale_id)
    return row is not None and bool(row[0])


async def ask_return(
    connection: Connection, sale_id: str, reservations: Iterable[str], letter: str
) -> None:
    """Ask for units to go back; letter x for expired, r for released."""
    await connection.execute(RETURNS_INSERT, sale_id, list(reservations), letter)


async def ask_grant(
    connection: Connection, sale_id: str, *, sku: str, raised: int, revision: int
) -> None:
    """Ask for an item's granted units to follow the ledger's sum."""
    body = json.dumps({"sku": sku, "raised": raised, "revision": revision})
    await connection.execute(INSERT, sale_id, "grant", f"{sku}:{revision}", body)


async def ask_state(
    connection: Connection,
    sale_id: str,
    *,
    state: str,
    opens_at_ms: int,
    closes_at_ms: int,
    revision: int,
) -> None:
    """Ask for the sale's state to follow the ledger's."""
    body = json.dumps(
        {
            "state": state,
            "opens_at_ms": opens_at_ms,
            "closes_at_ms": closes_at_ms,
            "revision": revision,
        }
    )
    await connection.execute(INSERT, sale_id, "state", str(revision), body)


async def is_pending(database: Database, sale_id: str, rows: Sequence[tuple[str, str]]) -> bool:
    """Whether any of these rows, each a kind and a key, waits for Redis still."""
    kinds, keys = [kind for kind, _ in rows], [key for _, key in rows]
    row = await database.row(IS_PENDING, sale_id, kinds, keys)
    return row is not None and bool(row[0])


async def ask_correction(
    connection: Connection, sale_id: str, *, sku: str, units: int, mirrored: int, number: int
) -> None:
    """Ask for an item's stock to be corrected."""
    body = json.dumps({"sku": sku, "units": units, "mirrored": mirrored, "number": number})
    await connection.execute(INSERT, sale_id, "correction", f"{sku}:{number}", body)


async def ask_return_again(connection: Connection, sale_id: str, reservation: str) -> bool:
    """Ask once more for the units of a settled reservation; False where it is not settled."""
    return await connection.fetchval(RETURN_AGAIN, sale_id, reservation) is not None
