"""`doorbuster rebuild`: write a sale's Redis state anew from the ledger, by hand."""

from typing import Annotated

import typer


def rebuild(
    sale: Annotated[str, typer.Argument(metavar="SALE", help="The sale's id.", show_default=False)],
    do: Annotated[
        bool, typer.Option("--do", help="Do it; without this it is only explained.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Explain what a rebuild would change, number by number; with --do, rebuild.

    The reconciler does this by itself wherever it is needed. By hand it mends what an audit has
    found wrong in Redis. Checkouts are refused while it runs, about 15 ms and 13 us for each order.
    """
    from doorbuster.rebuild_report import print_rehearsal, rebuild_sale, rehearse_sale
    from doorbuster.servers import with_servers

    rehearsal = with_servers(lambda servers: rehearse_sale(servers, sale), f"counting {sale}")
    print_rehearsal(rehearsal, as_json=as_json)
    if not do:
        typer.echo("Nothing was changed: this is what --do would do.", err=True)
        return
    record = with_servers(
        lambda servers: rebuild_sale(servers, sale), f"waiting until {sale} is rebuilt"
    )
    typer.echo(f"{sale}: rebuilt under epoch {record.epoch}", err=True)
