"""Searches reservations for the command line, and prints them."""

import sys
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from gateway.admin.reservations import reservation_document
from gateway.identity.customer import Customer
from sql import reservation_search
from sql.reservation_search import InspectedReservation
from sql.reservations import State


async def of_sale(
    servers: Servers, sale_id: str, state: State | None, limit: int
) -> list[InspectedReservation]:
    """The newest reservations of a sale."""
    return await reservation_search.of_sale(
        servers.database, sale_id, state=state, after=None, count=limit
    )


async def of_customer(
    servers: Servers, customer: Customer, sale_id: str | None, state: State | None, limit: int
) -> list[InspectedReservation]:
    """The newest reservations of a customer."""
    return await reservation_search.of_customer(
        servers.database, customer.digest, sale_id=sale_id, state=state, after=None, count=limit
    )


async def find(servers: Servers, reservation: UUID) -> InspectedReservation:
    """Raises NotDone where the ledger has no such reservation."""
    found = await reservation_search.inspect(servers.database, reservation)
    if found is None:
        raise NotDone(f"the ledger has no reservation {reservation}")
    return found


def print_reservations(found: Sequence[InspectedReservation], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        documents = [reservation_document(each) for each in found]
        sys.stdout.write(to_json(documents, indent=2).decode() + "\n")
        return
    table = Table("reservation", "sale", "customer", "state", "lines", "at", "expires")
    for each in found:
        it = each.reservation
        table.add_row(
            str(it.id),
            it.sale_id,
            Text(each.subject or "?"),
            it.state,
            it.lines.replace(";", " "),
            _short(it.created_at),
            _short(it.expires_at),
        )
    Console().print(table if found else "no reservations")


def print_reservation(found: InspectedReservation, *, as_json: bool) -> None:
    """Print it whole."""
    document = reservation_document(found)
    if as_json:
        sys.stdout.write(to_json(document, indent=2).decode() + "\n")
        return
    document |= {"customer": found.subject, "issuer": found.issuer}
    document |= {"lines": found.reservation.lines.replace(";", " ")}
    for name, value in document.items():
        if value is not None:
            Console().print(Text(f"{name}: {value}"), soft_wrap=True)


def _short(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
