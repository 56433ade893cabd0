"""`doorbuster up`: everything on one machine."""

from pathlib import Path
from typing import Annotated

import typer


def up(
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Where to listen; 0 takes any free one. Default: 8000."
        ),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept. Default: .doorbuster.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Gateway processes. Default: 1.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="A sale to try, with its own till.")
    ] = True,
    rush: Annotated[
        int, typer.Option(min=0, max=100_000, help="So many customers storm the demo sale.")
    ] = 0,
) -> None:
    """Start servers, gateway, reconciler and a demo sale here; Ctrl-C stops them.

    Valkey and Postgres come from wheels, unless DOORBUSTER_REDIS_URL or
    DOORBUSTER_DATABASE_URL name others. What is known stays in the state folder.
    """
    from doorbuster import logs
    from doorbuster.settings import load
    from doorbuster.up import run

    settings = load(port=port, state_dir=state_dir, workers=workers)
    logs.configure(settings)
    run(settings, demo=demo, rush=rush)
