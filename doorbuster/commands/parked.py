"""`doorbuster parked`: what Postgres refused, and what became of it."""

from typing import Annotated

import typer

from doorbuster.confirmation import Yes, ask

app = typer.Typer(
    help="List, show, retry and discard what the ledger refused.", no_args_is_help=True
)

ParkedId = Annotated[int, typer.Argument(metavar="PARKED", help="Its number.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command("list")
def list_parked(
    sale: Annotated[
        str | None, typer.Argument(help="One sale; all of them by default.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="What was dealt with too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is parked, newest first; 100 at the most."""
    from doorbuster.parked_report import print_list
    from doorbuster.servers import with_servers
    from sql import parking

    found = with_servers(
        lambda servers: parking.list_parked(servers.database, sale_id=sale, resolved=every)
    )
    print_list(found, as_json=as_json)


@app.command()
def show(parked: ParkedId, as_json: AsJson = False) -> None:
    """Show one, with all that it says."""
    from doorbuster.parked_report import find, print_one
    from doorbuster.servers import with_servers

    print_one(with_servers(lambda servers: find(servers, parked)), as_json=as_json)


@app.command()
def retry(
    parked: ParkedId,
    context: Annotated[
        str | None,
        typer.Option(help="What to take in its place: JSON.", show_default=False),
    ] = None,
) -> None:
    """Take a context into the ledger after all, as it was or as you mended it."""
    from doorbuster.parked_report import retry as retry_parked
    from doorbuster.servers import with_servers

    done = with_servers(lambda servers: retry_parked(servers, parked, context), "trying it again")
    typer.echo(f"{done.id}: {done.resolution} by {done.resolved_by}")


@app.command()
def discard(
    parked: ParkedId,
    reason: Annotated[str, typer.Option(help="Why, for the record.", show_default=False)],
    yes: Yes = False,
) -> None:
    """Leave the ledger as it is without it; the record stays on file."""
    ask(f"Discard {parked}? Nothing will try it again.", yes=yes)
    from doorbuster.parked_report import discard as discard_parked
    from doorbuster.servers import with_servers

    done = with_servers(lambda servers: discard_parked(servers, parked, reason))
    typer.echo(f"{done.id}: {done.resolution} by {done.resolved_by}")
