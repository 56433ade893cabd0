"""`doorbuster acts`: who did what, and when."""

from typing import Annotated

import typer


def acts(
    subject: Annotated[
        str | None,
        typer.Argument(
            help="To which sale, product or key; to any by default.", show_default=False
        ),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--by", help="Whose: cli:<user> or key:<name>.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List what operators did, newest first. The log only grows: Postgres refuses to rewrite it."""
    from doorbuster.acts_report import print_acts
    from doorbuster.servers import with_servers
    from sql.acts import list_acts

    found = with_servers(
        lambda servers: list_acts(
            servers.database, actor=actor, subject=subject, before=None, count=limit
        )
    )
    print_acts(found, as_json=as_json)
