"""Gateway processes that share one listening socket."""

import socket
from pathlib import Path

from doorbuster.python_child import PythonChild
from doorbuster.settings import Settings, as_environment


def gateway_workers(
    settings: Settings, listening: socket.socket, *, pid_folder: Path | None = None
) -> list[PythonChild]:
    """Return as many as the settings say, each to be started with the socket."""
    return [
        PythonChild(
            name=f"gateway-{number}",
            arguments=["gateway", "--fd", str(listening.fileno())],
            settings=as_environment(settings),
            descriptors=(listening.fileno(),),
            pid_file=pid_folder / f"gateway-{number}.pid" if pid_folder else None,
            address=address_of(listening),
        )
        for number in range(1, settings.workers + 1)
    ]


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
