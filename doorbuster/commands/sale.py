"""`doorbuster sale`: create, change, open, grant, pause, resume, close, list, show."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from doorbuster.confirmation import Yes, ask

app = typer.Typer(
    help="Create, change, open, grant, pause, resume, close, list and show sales.",
    no_args_is_help=True,
)

SaleId = Annotated[str, typer.Argument(metavar="SALE", help="The sale's id.", show_default=False)]
# As in a sale's file: Redis' Lua counts in doubles, exactly up to nine million times as much.
MAX_UNITS = 1_000_000_000
# What is decided in Postgres becomes true for buyers once a reconciler has told Redis.
TAKES_EFFECT = "waiting until a reconciler has told Redis"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class State(StrEnum):
    """The states of a sale."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="The sale's JSON file.", show_default=False)],
) -> None:
    """Create a sale as a draft. The same file twice is one sale."""
    from doorbuster.actor import actor
    from doorbuster.faults import NotDone
    from doorbuster.sale_file import read_sale_file
    from doorbuster.servers import with_servers
    from sql import sales

    definition = read_sale_file(file)
    try:
        created = with_servers(
            lambda servers: sales.create(servers.database, definition, actor=actor())
        )
    except sales.SaleExists as error:
        raise NotDone(f"there is another sale called {definition.id}") from error
    typer.echo(f"{definition.id}: {'created' if created else 'unchanged'}")


@app.command()
def change(
    sale: SaleId,
    file: Annotated[
        Path,
        typer.Argument(
            help='JSON with what is to be other than it is: {"closes_at": null}.',
            show_default=False,
        ),
    ],
) -> None:
    """Change a draft, or the name and window of an opened sale, in the words of a sale's file.

    Items are given whole. Units of an opened sale are changed with `grant`.
    """
    from doorbuster.sale_acts import change as change_sale
    from doorbuster.sale_file import read_change_file
    from doorbuster.servers import with_servers

    wanted = read_change_file(file)
    done = with_servers(lambda servers: change_sale(servers, sale, wanted), TAKES_EFFECT)
    typer.echo(f"{sale}: change: {done}")


@app.command("open")
def open_sale(sale: SaleId) -> None:
    """Open a draft: from now on, within its window, it can be bought from."""
    _change_state(sale, "open")


@app.command()
def pause(sale: SaleId) -> None:
    """Stop admitting for a while; holds and payments go on."""
    _change_state(sale, "pause")


@app.command()
def resume(sale: SaleId) -> None:
    """Admit again."""
    _change_state(sale, "resume")


@app.command()
def close(sale: SaleId, yes: Yes = False) -> None:
    """Stop admitting for good; holds and payments go on."""
    ask(f"Close {sale} for good? It can never be opened again.", yes=yes)
    _change_state(sale, "close")


def _change_state(sale: str, act: str) -> None:
    from doorbuster.sale_acts import change_state
    from doorbuster.servers import with_servers

    done = with_servers(lambda servers: change_state(servers, sale, act), TAKES_EFFECT)
    typer.echo(f"{sale}: {act}: {done}")


@app.command(context_settings={"ignore_unknown_options": True})
def grant(
    sale: SaleId,
    sku: Annotated[str, typer.Argument(help="The item's sku.", show_default=False)],
    delta: Annotated[
        int,
        typer.Argument(
            help="Units to add; negative to take out.",
            min=-MAX_UNITS,
            max=MAX_UNITS,
            show_default=False,
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, for the record.", show_default=False)],
    request: Annotated[
        str | None,
        typer.Option("--id", help="Makes it happen once; by default all that is said here does."),
    ] = None,
) -> None:
    """Add units to an item, or take out what is not sold. The same command twice is one act."""
    from doorbuster.actor import actor
    from doorbuster.faults import NotDone
    from doorbuster.sale_acts import adjust
    from doorbuster.servers import with_servers
    from gateway.admin.sale_acts import Adjustment, Done

    if delta == 0:
        raise NotDone("a grant of 0 units changes nothing")
    adjustment = Adjustment(
        sale_id=sale, sku=sku, delta=delta, reason=reason, actor=actor(), request=request
    )
    done = with_servers(lambda servers: adjust(servers, adjustment), TAKES_EFFECT)
    hint = " (done before: another --reason or --id makes it another grant)"
    typer.echo(f"{sale}: {sku} {delta:+d}: {done}{hint if done is Done.UNCHANGED else ''}")


@app.command("list")
def list_sales(
    state: Annotated[State | None, typer.Option(help="As the ledger has it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List sales, drafts too, newest first."""
    from doorbuster.sale_report import print_sales
    from doorbuster.servers import with_servers
    from sql.sales import page_of_all

    found = with_servers(
        lambda servers: page_of_all(servers.database, after=None, state=state, count=limit)
    )
    print_sales(found, as_json=as_json)


@app.command()
def show(sale: SaleId, as_json: AsJson = False) -> None:
    """Show a sale: its state, and where the units of each item are."""
    from doorbuster.sale_report import print_report, read_report
    from doorbuster.servers import with_servers

    report = with_servers(lambda servers: read_report(servers, sale))
    print_report(report, as_json=as_json)
