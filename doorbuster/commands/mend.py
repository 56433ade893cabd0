"""`doorbuster mend`: correct what an audit has found, by entries that stay on record."""

from typing import Annotated

import typer


def mend(
    sale: Annotated[str, typer.Argument(metavar="SALE", help="The sale's id.", show_default=False)],
    do: Annotated[
        bool, typer.Option("--do", help="Do it; without this it is only explained.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why, for the record; with --do.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Explain what would mend each drift of a sale; with --do, correct what can be corrected.

    Nothing is written over: each correction is a row of the ledger with who, when, why, and the
    units before and after, and the stock moves by an entry of the sale's history. What only a
    rebuild or a person can mend is named. Exits with 1 while anything disagrees.
    """
    from doorbuster.faults import NotDone
    from doorbuster.mend_report import mend_sale, print_plan, read_plan
    from doorbuster.servers import with_servers

    if do and not reason:
        raise NotDone("--do needs a --reason, for the record")
    found = with_servers(lambda servers: read_plan(servers, sale))
    print_plan(found, as_json=as_json)
    if do and reason and found.corrections:
        left = with_servers(lambda servers: mend_sale(servers, found, reason), f"correcting {sale}")
        typer.echo(f"{sale}: corrected: {len(found.corrections)}", err=True)
        for drift in left:
            typer.echo(f"{sale}: {drift}", err=True)
        raise typer.Exit(1 if left else 0)
    if found.corrections:
        typer.echo("Nothing was changed: this is what --do would do.", err=True)
    raise typer.Exit(0 if found.is_empty else 1)
