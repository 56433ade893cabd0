"""`doorbuster gateway`: what buyers talk to."""

from typing import Annotated

import typer


def gateway(
    host: Annotated[str | None, typer.Option(help="Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Where to listen; 0 takes any free one. Default: 8000."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes behind the port. Default: 1.")
    ] = None,
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
    worker: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    from doorbuster import gateway_process, logs
    from doorbuster.settings import load

    settings = load(host=host, port=port, workers=workers)
    logs.configure(settings)
    if fd is not None:
        gateway_process.serve_inherited(settings, fd, worker=worker)
    elif settings.workers == 1:
        gateway_process.serve(settings)
    else:
        gateway_process.supervise(settings)
