"""Lets a hold last longer, up to the limit of its sale."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sql.database import Database
from sql.reservations import State
from sql.settlement import Settled
from sql.statement import load

EXTEND = load("reservation_extend")
LATEST_END = load("reservation_latest_end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """The hold lasts until then: until what was asked for, or longer."""

    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLong:
    """No hold of the sale lasts longer than `max_hold_seconds`: this one ends by `latest`."""

    latest: datetime
    max_hold_seconds: int


async def extend(
    database: Database, reservation: UUID, until: datetime
) -> Extended | TooLong | Settled | None:
    """Let a hold last until then at least; it never becomes shorter, so a repetition is harmless.

    None where the ledger does not have the reservation.
    """
    row = await database.row(EXTEND, reservation, until)
    if row is not None:
        return Extended(expires_at=row["expires_at"])
    row = await database.row(LATEST_END, reservation)
    if row is None:
        return None
    if row["state"] == State.HELD:
        return TooLong(latest=row["latest"], max_hold_seconds=row["max_hold_seconds"])
    return Settled(state=State(row["state"]), reference=row["payment_reference"])
