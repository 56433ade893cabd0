"""`doorbuster migrate`: the schema of the ledger."""

import json
from typing import Annotated

import typer


def migrate(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Bring the database to the newest schema. Safe to run at any time, and from several places."""
    from doorbuster.addresses import find_database
    from doorbuster.ledger import migrated
    from doorbuster.progress import run
    from doorbuster.settings import load

    applied = run(migrated(find_database(load())), "migrating")
    if as_json:
        typer.echo(json.dumps({"applied": applied}))
        return
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("nothing to do: the schema is the newest")
