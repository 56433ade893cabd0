"""Which servers a command talks to: those of the settings, or those of the `up` in this folder."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from doorbuster import connection
from doorbuster.connection import Connection
from doorbuster.faults import NoServers
from doorbuster.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where both are, as URLs."""

    redis_url: str
    database_url: str


def find_addresses(settings: Settings) -> Addresses:
    """Return where both are. Raises NoServers, or StateFolderFault for a damaged file."""
    return Addresses(redis_url=find_redis(settings), database_url=find_database(settings))


def find_redis(settings: Settings) -> str:
    """Return where Redis is. Raises as `find_addresses` does."""
    return _find(settings, settings.redis_url, "REDIS", lambda up: up.redis_url)


def find_database(settings: Settings) -> str:
    """Return where Postgres is. Raises as `find_addresses` does."""
    return _find(settings, settings.database_url, "DATABASE", lambda up: up.database_url)


def _find(
    settings: Settings, url: SecretStr | None, what: str, of: Callable[[Connection], str]
) -> str:
    if url is not None:
        return url.get_secret_value()
    up = connection.read(settings.state_dir)
    if up is None:
        raise NoServers(
            f"DOORBUSTER_{what}_URL is not set, and no `doorbuster up` has left a "
            f"{connection.FILE_NAME} in {settings.state_dir}"
        )
    return of(up)
