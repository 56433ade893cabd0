"""`doorbuster audit`: do Redis and the ledger agree, on live data?"""

from typing import Annotated

import typer


def audit(
    sale: Annotated[
        str | None, typer.Argument(help="One sale; all that were opened by default.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Show what the reconcilers' last audits found.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Recompute every invariant from the rows of both stores; exit 1 naming those that disagree.

    It is exact while the sale goes on: what happens meanwhile is taken from the stream. It exits 1
    as well where it cannot be done, because nothing is proven then.
    """
    from doorbuster.audit_report import audit_sales, print_audits
    from doorbuster.last_audits import are_clean, print_last, read_last
    from doorbuster.servers import with_servers

    if last:
        kept = with_servers(lambda servers: read_last(servers, sale))
        print_last(kept, as_json=as_json)
        raise typer.Exit(0 if are_clean(kept) else 1)
    audits = with_servers(lambda servers: audit_sales(servers, sale), "auditing")
    print_audits(audits, as_json=as_json)
    if not all(each.clean for each in audits):
        raise typer.Exit(1)
