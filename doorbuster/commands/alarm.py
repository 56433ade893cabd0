"""`doorbuster alarm`: what must not happen and did, and who has looked into it."""

from typing import Annotated

import typer

app = typer.Typer(help="List and acknowledge alarms.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command("list")
def list_alarms(
    sale: Annotated[
        str | None, typer.Argument(help="One sale; all of them by default.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Acknowledged ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the alarms that nobody has acknowledged, newest first; 100 at the most."""
    from doorbuster.alarm_report import print_alarms
    from doorbuster.servers import with_servers
    from sql import alarms

    found = with_servers(
        lambda servers: alarms.list_alarms(servers.database, sale_id=sale, acknowledged=every)
    )
    print_alarms(found, as_json=as_json)


@app.command()
def acknowledge(
    alarms: Annotated[
        list[int], typer.Argument(metavar="ALARM...", help="Their numbers.", show_default=False)
    ],
) -> None:
    """Say that you know why; who and when stays on record.

    What a rebuild left of the old epoch in Redis, for you to look at, is removed then.
    """
    from doorbuster.alarm_report import acknowledge_all
    from doorbuster.servers import with_servers

    for alarm in with_servers(lambda servers: acknowledge_all(servers, alarms)):
        typer.echo(f"{alarm.id}: acknowledged by {alarm.acknowledged_by}")
