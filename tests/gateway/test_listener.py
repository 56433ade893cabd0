"""The listening socket, against the real kernel."""

import socket
import sys

import pytest

from gateway.listener import UNACKNOWLEDGED_MS, UNSENT_BYTES, AddressTaken, CannotListen, listen


def test_the_kernel_chooses_where_the_port_is_zero() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert listening.getsockname()[1] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems lack some of the options")
def test_a_connection_inherits_the_options() -> None:
    with listen("127.0.0.1", 0) as listening:
        listening.settimeout(5)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert _tcp(accepted, socket.TCP_USER_TIMEOUT) == UNACKNOWLEDGED_MS
            assert _tcp(accepted, socket.TCP_NOTSENT_LOWAT) == UNSENT_BYTES


def test_a_taken_port_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(AddressTaken, match=f"127.0.0.1:{port}: another process listens there"):
            listen("127.0.0.1", port)


def test_a_port_is_free_at_once_when_its_server_closed_connections() -> None:
    with listen("127.0.0.1", 0) as first:
        first.settimeout(5)
        address = first.getsockname()
        with socket.create_connection(address) as client:
            first.accept()[0].close()
            assert client.recv(1) == b""
    listen(*address).close()


def test_a_host_that_is_not_ours_is_named() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:0: "):
        listen("192.0.2.1", 0)


def test_a_host_that_nobody_knows_is_named() -> None:
    with pytest.raises(CannotListen, match=r"no such host:0: "):
        listen("no such host", 0)


def test_an_address_of_version_six_will_do() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with listen("::1", 0) as listening:
        assert listening.family == socket.AF_INET6


def _tcp(connection: socket.socket, option: int) -> int:
    return connection.getsockopt(socket.IPPROTO_TCP, option)
