"""`doorbuster token`: development tokens."""

from typing import Annotated

import typer


def token(
    customers: Annotated[
        list[str], typer.Argument(metavar="CUSTOMER...", help="Whose.", show_default=False)
    ],
) -> None:
    """Print a token for each customer, one a line and nothing else. For development alone."""
    from doorbuster.development import token_for
    from doorbuster.settings import load

    settings = load()
    for customer in customers:
        typer.echo(token_for(customer, settings))
