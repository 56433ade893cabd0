"""Settles reservations: `held → paid | released | expired`, each under the lock of its row.

State alone counts, never the clock: a hold that is past its deadline can still be paid until the
sweeper has taken it, so no race is left between pay and expire.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sql.database import Connection, Database
from sql.ledger import ITEMS_LOCK, ITEMS_MOVE
from sql.lines import units_by_sku
from sql.outbox import ask_return
from sql.statement import load

LOCK = load("reservations_lock")
PAY = load("reservations_pay")
REFUSE_PAYMENT = load("reservations_refuse_payment")
RELEASE = load("reservation_release")
EXPIRE = load("reservations_expire")
CLOCK_TICK = load("hold_clock_tick")


class State(StrEnum):
    """The states of a reservation; the last three are final."""

    HELD = "held"
    PAID = "paid"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment that wants a reservation to be settled as paid."""

    reservation: UUID
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a reservation: `reference` is that of the payment that settled it."""

    state: State
    reference: str | None


async def pay(database: Database, payments: Sequence[Payment]) -> dict[UUID, Settled]:
    """Settle reservations as paid, all in one transaction; the first payment of each wins.

    Returns how each reservation stands afterwards; one that the ledger does not have is left out.
    A payment for an expired or released reservation is remembered as one to be refunded.
    """
    first = {payment.reservation: payment.reference for payment in reversed(payments)}
    async with database.transaction() as connection:
        rows = await connection.fetch(LOCK, sorted(first))
        found = {row["id"]: _settled(row["state"], row["payment_reference"]) for row in rows}
        await _write(connection, PAY, first, [i for i in found if _is(found[i], State.HELD)])
        late = [i for i in found if _is(found[i], State.EXPIRED, State.RELEASED)]
        await _write(connection, REFUSE_PAYMENT, first, late)
    return {
        reservation: _settled(State.PAID, first[reservation]) if _is(was, State.HELD) else was
        for reservation, was in found.items()
    }


def _settled(state: str, reference: str | None) -> Settled:
    return Settled(state=State(state), reference=reference)


def _is(settled: Settled, *states: State) -> bool:
    return settled.state in states


async def _write(
    connection: Connection, statement: str, references: dict[UUID, str], ids: list[UUID]
) -> None:
    if ids:
        await connection.execute(statement, ids, [references[each] for each in ids])


async def release(database: Database, reservation: UUID) -> Settled | None:
    """Settle a hold as released and ask for its units; returns how it stands afterwards.

    None where the ledger does not have it.
    """
    async with database.transaction() as connection:
        row = await connection.fetchrow(RELEASE, reservation)
        if row is not None:
            await _give_back(connection, row["sale_id"], {reservation: row["lines"]}, "r")
            return Settled(state=State.RELEASED, reference=None)
        rows = await connection.fetch(LOCK, [reservation])
    return _settled(rows[0]["state"], rows[0]["payment_reference"]) if rows else None


async def expire(database: Database, sale_id: str, *, count: int, usual_pause: timedelta) -> int:
    """Settle up to `count` holds whose deadline has passed; returns how many there were.

    None, where the hold clock was not ticked for longer than `usual_pause`.
    """
    async with database.transaction() as connection:
        rows = await connection.fetch(EXPIRE, sale_id, count, usual_pause)
        if rows:
            expired = {row["id"]: row["lines"] for row in rows}
            await _give_back(connection, sale_id, expired, "x")
    return len(rows)


async def _give_back(
    connection: Connection, sale_id: str, lines: dict[UUID, str], letter: str
) -> None:
    taken = units_by_sku(lines.values())
    skus = sorted(taken)
    await connection.execute(ITEMS_LOCK, sale_id, skus)
    none = [0] * len(skus)
    await connection.execute(ITEMS_MOVE, sale_id, skus, none, _negative(taken, skus), none)
    await ask_return(connection, sale_id, (each.hex for each in lines), letter)


def _negative(units: Counter[str], skus: Iterable[str]) -> list[int]:
    return [-units[sku] for sku in skus]


async def tick_hold_clock(database: Database, sale_id: str, usual_pause: timedelta) -> None:
    """Note that the sweeper lives; what an outage took from the holds is given back once."""
    await database.execute(CLOCK_TICK, sale_id, usual_pause)
