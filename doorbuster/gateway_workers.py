"""Gateway processes that share one listening socket, and a folder in which they are added up."""

import shutil
import socket
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from doorbuster.python_child import PythonChild
from doorbuster.settings import Settings, as_environment

# The name is prometheus_client's, which reads it by itself.
METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def gateway_workers(
    settings: Settings,
    listening: socket.socket,
    *,
    metrics_folder: Path,
    pid_folder: Path | None = None,
) -> list[PythonChild]:
    """Return as many as the settings say, each to be started with the socket.

    `metrics_folder` is made anew: what an earlier set of workers has counted is no part of it.
    """
    shutil.rmtree(metrics_folder, ignore_errors=True)
    metrics_folder.mkdir(mode=0o700)
    return [
        _worker(number, settings, listening, metrics_folder, pid_folder)
        for number in range(1, settings.workers + 1)
    ]


def _worker(
    number: int,
    settings: Settings,
    listening: socket.socket,
    metrics_folder: Path,
    pid_folder: Path | None,
) -> PythonChild:
    return PythonChild(
        name=f"gateway-{number}",
        arguments=["gateway", "--fd", str(listening.fileno()), "--worker", str(number)],
        settings={**as_environment(settings), METRICS_FOLDER: str(metrics_folder)},
        descriptors=(listening.fileno(),),
        pid_file=pid_folder / f"gateway-{number}.pid" if pid_folder else None,
        # Its counters stay, for they have happened; what it had open is open no more.
        on_exit=partial(mark_process_dead, number, str(metrics_folder)),
        address=address_of(listening),
    )


def address_of(listening: socket.socket) -> tuple[str, int]:
    """Return where this machine reaches the socket."""
    host, port = listening.getsockname()[:2]
    return _REACHED_AT.get(host, host), port


# "Every address" is nothing to connect to.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared with, not bound to)


def url_of(listening: socket.socket) -> str:
    """Return the URL of that."""
    host, port = address_of(listening)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
