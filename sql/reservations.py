"""Reads reservations from the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sql.database import Database, Row
from sql.statement import load

FIND = load("reservations_find")
OF_CUSTOMER = load("reservations_of_customer")


class State(StrEnum):
    """The states of a reservation; the last three are final."""

    HELD = "held"
    PAID = "paid"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReservation:
    """A reservation as the ledger has it; `lines` as `sku:quantity:unit_price;...`."""

    id: UUID
    sale_id: str
    customer: str
    lines: str
    durability: str
    state: State
    version: int
    created_at: datetime
    expires_at: datetime
    payment_reference: str | None
    currency: str
    replaced_by: UUID | None


async def find(database: Database, ids: Iterable[UUID]) -> dict[UUID, LedgerReservation]:
    """The reservations with these ids; one that the ledger does not have is left out."""
    rows = await database.rows(FIND, list(ids))
    return {row["id"]: parse_reservation(row) for row in rows}


async def of_customer(
    database: Database,
    customer: str,
    *,
    after: tuple[datetime, UUID] | None,
    count: int,
    state: str | None = None,
    sale_id: str | None = None,
) -> list[LedgerReservation]:
    """A customer's reservations, newest first, after the given one; all, or some of them."""
    created_at, last = after or (None, None)
    rows = await database.rows(OF_CUSTOMER, customer, created_at, last, count, state, sale_id)
    return [parse_reservation(row) for row in rows]


def parse_reservation(row: Row) -> LedgerReservation:
    """A reservation from a statement that says all that its owner sees."""
    return LedgerReservation(
        id=row["id"],
        sale_id=row["sale_id"],
        customer=row["customer"],
        lines=row["lines"],
        durability=row["durability"],
        state=State(row["state"]),
        version=row["version"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        payment_reference=row["payment_reference"],
        currency=row["currency"],
        replaced_by=row["replaced_by"],
    )
