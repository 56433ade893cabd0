"""A payment that comes after expiry: the reservation is replaced by another one, or the money goes
back; never both, and never one after the other.

The first payment that comes too late claims the reservation for good (`sql.settlement.pay`). All
else is decided under the lock of the expired row, so several who try at once hear the same.
"""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from sql.database import Connection, Database
from sql.reservations import State
from sql.settlement import PAY, REFUSE_PAYMENT, Settled, lock
from sql.statement import load

EXPIRED = load("reservation_expired")
REPLACE = load("reservation_replace")
RETURNS_PENDING = load("outbox_returns_of_customer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What an expired reservation had, and whose it was: unknown, where its context was parked."""

    sale_id: str
    customer: str
    lines: str
    issuer: str | None
    subject: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The payment has paid this reservation."""

    by: UUID


@dataclass(frozen=True, slots=True)
class Refunded:
    """The payment pays for nothing, and never will."""


@dataclass(frozen=True, slots=True)
class NotThere:
    """The ledger does not have the new reservation, or not yet."""


Decision: TypeAlias = Replaced | Refunded


async def read_expired(database: Database, reservation: UUID) -> Expired | None:
    """What an expired reservation had."""
    row = await database.row(EXPIRED, reservation)
    return None if row is None else Expired(**dict(row))


async def has_returns_pending(database: Database, sale_id: str, customer: str) -> bool:
    """Whether Redis may still count units as the customer's that they have no more."""
    row = await database.row(RETURNS_PENDING, sale_id, customer)
    return row is not None and bool(row[0])


async def replace_with(
    database: Database, expired: UUID, new: UUID, reference: str
) -> Decision | NotThere:
    """Settle the new reservation as paid in place of the expired one, if it is still held.

    Where it is settled otherwise, the payment is refused.
    """
    async with database.transaction() as connection:
        found = await lock(connection, [expired, new])
        decided = _decided(found.get(expired), reference)
        if decided is not None:
            return decided
        return await _settle(connection, expired, new, reference, found.get(new))


async def _settle(
    connection: Connection, expired: UUID, new: UUID, reference: str, found: Settled | None
) -> Decision | NotThere:
    match found:
        case None:
            return NotThere()
        case Settled(state=State.HELD):
            await connection.execute(PAY, [new], [reference])
        case Settled(state=State.PAID, reference=paid) if paid == reference:
            pass
        case _:
            await connection.execute(REFUSE_PAYMENT, [expired], [reference])
            return Refunded()
    await connection.execute(REPLACE, expired, new)
    return Replaced(by=new)


async def refuse(database: Database, expired: UUID, reference: str) -> Decision:
    """Decide that the payment is refunded, unless somebody else could replace the reservation."""
    async with database.transaction() as connection:
        found = await lock(connection, [expired])
        decided = _decided(found.get(expired), reference)
        if decided is None:
            await connection.execute(REFUSE_PAYMENT, [expired], [reference])
    return decided or Refunded()


def _decided(expired: Settled | None, reference: str) -> Decision | None:
    """What was decided before; None, where it is still open."""
    if expired is None or expired.late != reference or expired.refunded:
        return Refunded()
    return None if expired.replaced_by is None else Replaced(by=expired.replaced_by)
