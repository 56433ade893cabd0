"""Searches reservations for operators: by sale, by customer, by id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sql.database import Database, Row
from sql.reservations import LedgerReservation, State, parse_reservation
from sql.statement import load

OF_SALE: Final = load("reservations_of_sale")
OF_CUSTOMER: Final = load("reservations_of_customer_searched")
INSPECT: Final = load("reservation_inspect")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedReservation:
    """A reservation, and what its customer is not told.

    Who the customer is, is None where the context was parked. A refused payment is one that was
    told to be refunded.
    """

    reservation: LedgerReservation
    issuer: str | None
    subject: str | None
    settled_at: datetime | None
    refused_payment_reference: str | None


async def inspect(database: Database, reservation: UUID) -> InspectedReservation | None:
    """The reservation, if the ledger has it."""
    row = await database.row(INSPECT, reservation)
    return None if row is None else _parse(row)


async def of_sale(
    database: Database, sale_id: str, *, state: State | None, after: int | None, count: int
) -> list[InspectedReservation]:
    """Reservations of a sale, newest first; `after` is the version of the last one seen."""
    return [_parse(row) for row in await database.rows(OF_SALE, sale_id, state, after, count)]


async def of_customer(
    database: Database,
    customer: str,
    *,
    sale_id: str | None,
    state: State | None,
    after: tuple[datetime, UUID] | None,
    count: int,
) -> list[InspectedReservation]:
    """Reservations of a customer, newest first; `after` tells of the last one seen."""
    created_at, last = after or (None, None)
    rows = await database.rows(OF_CUSTOMER, customer, sale_id, state, created_at, last, count)
    return [_parse(row) for row in rows]


def _parse(row: Row) -> InspectedReservation:
    return InspectedReservation(
        reservation=parse_reservation(row),
        issuer=row["issuer"],
        subject=row["subject"],
        settled_at=row["settled_at"],
        refused_payment_reference=row["refused_payment_reference"],
    )
