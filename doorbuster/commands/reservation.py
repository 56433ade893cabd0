"""`doorbuster reservation`: whose orders there are."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

app = typer.Typer(help="List and show reservations.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class State(StrEnum):
    """The states of a reservation."""

    HELD = "held"
    PAID = "paid"
    RELEASED = "released"
    EXPIRED = "expired"


@app.command("list")
def list_reservations(
    sale: Annotated[str | None, typer.Argument(help="Of this sale.", show_default=False)] = None,
    customer: Annotated[
        str | None, typer.Option(help="Of this customer: the `sub` of their token.")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(help="The `iss` of it; that of the settings by default.")
    ] = None,
    state: Annotated[State | None, typer.Option(help="In this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the newest reservations of a sale, of a customer, or of both."""
    from doorbuster.faults import NotDone
    from doorbuster.reservation_report import of_customer, of_sale, print_reservations
    from doorbuster.servers import with_servers
    from doorbuster.settings import load
    from gateway.identity.customer import Customer
    from sql.reservations import State

    wanted = None if state is None else State(state)
    if customer is not None:
        who = Customer(issuer=issuer or load().token_issuer, subject=customer)
        found = with_servers(lambda servers: of_customer(servers, who, sale, wanted, limit))
    elif sale is not None:
        found = with_servers(lambda servers: of_sale(servers, sale, wanted, limit))
    else:
        raise NotDone("name a sale or a --customer")
    print_reservations(found, as_json=as_json)


@app.command()
def show(
    reservation: Annotated[UUID, typer.Argument(help="Its id.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show one, with its customer and its payments."""
    from doorbuster.reservation_report import find, print_reservation
    from doorbuster.servers import with_servers

    found = with_servers(lambda servers: find(servers, reservation))
    print_reservation(found, as_json=as_json)
