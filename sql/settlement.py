"""Settles reservations: `held → paid | released | expired`, each under the lock of its row.

State alone counts, never the clock: a hold that is past its deadline can still be paid until the
sweeper has taken it, so no race is left between pay and expire.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sql.database import Connection, Database, Row
from sql.ledger import ITEMS_LOCK, ITEMS_MOVE
from sql.lines import units_by_sku
from sql.outbox import ask_return
from sql.reservations import LedgerReservation, State, parse_reservation
from sql.statement import load

LOCK = load("reservations_lock")
PAY = load("reservations_pay")
REFUSE_PAYMENT = load("reservations_refuse_payment")
CLAIM_LATE = load("reservations_claim_late")
RELEASE = load("reservation_release")
EXPIRE = load("reservations_expire")
CLOCK_TICK = load("hold_clock_tick")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment that wants a reservation to be settled as paid."""

    reservation: UUID
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a reservation: `reference` is that of the payment that settled it.

    Of an expired one, `late` is the first payment that came too late, the only one for which
    `replaced_by` can be filled; `refunded` says that this payment was told to be refunded.
    """

    state: State
    reference: str | None
    late: str | None = None
    refunded: bool = False
    replaced_by: UUID | None = None


class Paid(NamedTuple):
    """A reservation as it was before a payment, and how it stands afterwards."""

    was: LedgerReservation
    settled: Settled


async def pay(database: Database, payments: Sequence[Payment]) -> dict[UUID, Paid]:
    """Settle reservations as paid, all in one transaction; the first payment of each wins.

    Returns what became of each reservation; one that the ledger does not have is left out.
    A payment for a released reservation is remembered as one to be refunded. The first payment
    for an expired one is remembered as `late`: see `sql.late_payment`.
    """
    first = {payment.reservation: payment.reference for payment in reversed(payments)}
    async with database.transaction() as connection:
        rows = await connection.fetch(LOCK, sorted(first))
        found = _by_id(rows)
        await _write(connection, PAY, first, _in_state(found, State.HELD))
        unclaimed = [each for each in _in_state(found, State.EXPIRED) if found[each].late is None]
        await _write(connection, CLAIM_LATE, first, unclaimed)
        await _write(connection, REFUSE_PAYMENT, first, _in_state(found, State.RELEASED))
    settled = {each: _after(was, first[each]) for each, was in found.items()}
    return {row["id"]: Paid(parse_reservation(row), settled[row["id"]]) for row in rows}


async def lock(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Settled]:
    """Lock reservations, in the order of their ids; how each that there is stands."""
    return _by_id(await connection.fetch(LOCK, sorted(ids)))


def _by_id(rows: Iterable[Row]) -> dict[UUID, Settled]:
    return {row["id"]: _settled(row) for row in rows}


def _settled(row: Row) -> Settled:
    state = State(row["state"])
    if state is not State.EXPIRED:
        return Settled(state=state, reference=row["payment_reference"])
    refused: str | None = row["refused_payment_reference"]
    return Settled(
        state=state,
        reference=None,
        late=row["late_payment_reference"] or refused,
        refunded=refused is not None,
        replaced_by=row["replaced_by"],
    )


def _in_state(found: dict[UUID, Settled], state: State) -> list[UUID]:
    return [each for each, settled in found.items() if settled.state is state]


async def _write(
    connection: Connection, statement: str, references: dict[UUID, str], ids: list[UUID]
) -> None:
    if ids:
        await connection.execute(statement, ids, [references[each] for each in ids])


def _after(was: Settled, reference: str) -> Settled:
    if was.state is State.HELD:
        return Settled(state=State.PAID, reference=reference)
    if was.state is State.EXPIRED and was.late is None:
        return replace(was, late=reference)
    return was


async def release(database: Database, reservation: UUID) -> Settled | None:
    """Settle a hold as released and ask for its units; returns how it stands afterwards.

    None where the ledger does not have it.
    """
    async with database.transaction() as connection:
        row = await connection.fetchrow(RELEASE, reservation)
        if row is not None:
            await _give_back(connection, row["sale_id"], {reservation: row["lines"]}, "r")
            return Settled(state=State.RELEASED, reference=None)
        found = await lock(connection, [reservation])
    return found.get(reservation)


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
