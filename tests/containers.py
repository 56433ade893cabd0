"""The servers of the tests from containers: `pytest --containers`.

It needs Docker, so it has not been run where there is none; the wheels are the usual way.
"""

from collections.abc import Iterator
from contextlib import contextmanager

VALKEY_IMAGE = "valkey/valkey:9"
POSTGRES_IMAGE = "postgres:18"


@contextmanager
def valkey_in_container() -> Iterator[str]:
    """Run a Valkey with the options of ours that the protocol leans on; yield its URL."""
    from testcontainers.redis import RedisContainer  # noqa: PLC0415 (slow, and seldom wanted)

    options = "--appendonly yes --appendfsync always --maxmemory-policy noeviction"
    container = RedisContainer(VALKEY_IMAGE).with_command(f"valkey-server {options}")
    with container as server:
        yield f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(6379)}"


@contextmanager
def postgres_in_container() -> Iterator[str]:
    """Run a Postgres; yield the URL of its first database."""
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 (slow, and seldom wanted)

    with PostgresContainer(POSTGRES_IMAGE, driver=None) as server:
        yield server.get_connection_url()
