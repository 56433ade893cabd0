"""`doorbuster audit`: do Redis and the ledger agree, on live data?"""

from typing import Annotated

import typer


def audit(
    sale: Annotated[
        str | None, typer.Argument(help="One sale; all that were opened by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Recompute every invariant from the rows of both stores; exit 1 naming those that disagree.

    It is exact while the sale goes on: what happens meanwhile is taken from the stream. It exits 1
    as well where it cannot be done, because nothing is proven then.
    """
    from doorbuster.audit_report import audit_sales, print_audits
    from doorbuster.servers import with_servers

    audits = with_servers(lambda servers: audit_sales(servers, sale))
    print_audits(audits, as_json=as_json)
    if not all(each.clean for each in audits):
        raise typer.Exit(1)
