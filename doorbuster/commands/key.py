"""`doorbuster key`: API keys of the shop's own machines and operators."""

from enum import StrEnum
from typing import Annotated

import typer

from doorbuster.confirmation import Yes, ask

app = typer.Typer(help="Create, revoke and list API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What you call the key.", show_default=False)]


class Scope(StrEnum):
    """What the key may do."""

    ADMIN = "admin"
    SETTLE = "settle"


@app.command()
def create(
    name: Name,
    scope: Annotated[Scope, typer.Option(help="What it may do.")] = Scope.SETTLE,
) -> None:
    """Create a key and print it: it is shown this once, and stored as a digest."""
    from doorbuster.actor import actor
    from doorbuster.faults import NotDone
    from doorbuster.servers import with_servers
    from gateway.identity.api_keys import digest_of, new_key
    from sql import keys

    key = new_key()
    created = with_servers(
        lambda servers: keys.create_key(
            servers.database,
            digest=digest_of(key.encode()),
            name=name,
            scope=keys.Scope(scope),
            actor=actor(),
        )
    )
    if not created:
        raise NotDone(f"there is a key called {name} already")
    typer.echo(key)


@app.command()
def revoke(name: Name, yes: Yes = False) -> None:
    """Revoke a key; gateways forget it within seconds."""
    ask(f"Revoke {name}? Whoever uses it is locked out within seconds.", yes=yes)
    from doorbuster.actor import actor
    from doorbuster.faults import NotDone
    from doorbuster.servers import with_servers
    from sql import keys

    if not with_servers(lambda servers: keys.revoke_key(servers.database, name, actor=actor())):
        raise NotDone(f"there is no key called {name} to revoke")
    typer.echo(f"{name}: revoked")


@app.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the keys, without what they are."""
    from dataclasses import asdict

    from pydantic_core import to_json
    from rich.console import Console
    from rich.table import Table

    from doorbuster.servers import with_servers
    from sql import keys

    entries = with_servers(lambda servers: keys.list_keys(servers.database))
    if as_json:
        typer.echo(to_json([asdict(entry) for entry in entries], indent=2))
        return
    table = Table("name", "scope", "created", "revoked")
    for entry in entries:
        revoked = str(entry.revoked_at) if entry.revoked_at else ""
        table.add_row(entry.name, entry.scope, str(entry.created_at), revoked)
    Console().print(table)
