"""Turns settings into the values that a reconciler is made of."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from doorbuster.addresses import find_addresses
from doorbuster.faults import CannotServe
from doorbuster.settings import Settings
from gateway.listener import CannotListen, listen
from reconciler.follower import OnCommit
from reconciler.service import ReconcilerConfig


def reconciler_config(
    settings: Settings, listening: socket.socket | None, on_commit: OnCommit | None
) -> ReconcilerConfig:
    """Raises NoServers."""
    addresses = find_addresses(settings)
    return ReconcilerConfig(
        redis_url=addresses.redis_url,
        database_url=addresses.database_url,
        audit_seconds=settings.audit_seconds,
        listening=listening,
        on_commit=on_commit,
    )


@contextmanager
def reconciler_socket(settings: Settings) -> Iterator[socket.socket | None]:
    """Yield where the reconciler listens, or None. Raises CannotServe where nothing can."""
    if settings.reconciler_port is None:
        yield None
        return
    try:
        listening = listen(settings.reconciler_host, settings.reconciler_port)
    except CannotListen as error:
        raise CannotServe(f"{error}; choose another DOORBUSTER_RECONCILER_PORT") from error
    with listening:
        yield listening
