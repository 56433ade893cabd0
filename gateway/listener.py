"""The socket that the gateway listens on, with the options that its connections inherit.

CannotListen
└── AddressTaken   another process listens there
"""

import errno
import socket
from typing import Final

# Connections that arrive while the event loop is busy with others wait here; the kernel caps it
# at net.core.somaxconn.
BACKLOG: Final = 2048

# A phone that left the network sends no FIN. The heartbeats of its stream stay unacknowledged,
# and after this long the kernel gives the connection up, not after the usual quarter of an hour.
UNACKNOWLEDGED_MS: Final = 30_000

# How much the kernel may hold back for one reader. Without it up to 4 MB of stale stock would
# wait there for a slow reader, and skipping the events that it has no room for would be in vain.
UNSENT_BYTES: Final = 16 * 1024


class CannotListen(Exception):
    """The address is not one that this process can listen on; the message says which and why."""


class AddressTaken(CannotListen):
    """Another process listens there."""


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen; port 0 lets the kernel choose, `getsockname()` tells what it chose.

    Every option is set on the listening socket, because accepted connections inherit it from
    there. Worker processes share the socket. Raises CannotListen.
    """
    try:
        family, kind, protocol, _, address = _resolve(host, port)
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _explain(host, port, error) from error
    try:
        _set_options(listening)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _explain(host, port, error) from error
    return listening


_Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
_Resolved = tuple[socket.AddressFamily, socket.SocketKind, int, str, _Address]


def _resolve(host: str, port: int) -> _Resolved:
    flags = socket.AI_PASSIVE | socket.AI_NUMERICSERV
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)[0]


def _set_options(listening: socket.socket) -> None:
    # A gateway that was just stopped leaves connections in TIME_WAIT; they hold nothing up.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Not every system has these two; without them it works, with more memory for dead readers.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def _explain(host: str, port: int, error: OSError) -> CannotListen:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return AddressTaken(f"cannot listen on {where}: another process listens there")
    return CannotListen(f"cannot listen on {where}: {error.strerror}")
