"""API keys: shown once, stored as the SHA-256 of what was shown."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sql.acts import OURSELVES, What, record
from sql.database import Database
from sql.statement import load

INSERT = load("api_key_insert")
FIND = load("api_key_find")
REVOKE = load("api_key_revoke")
LIST = load("api_keys_list")
PAGE = load("api_keys_page")
EXISTS = load("api_key_exists")


class Scope(StrEnum):
    """What a key may do: `admin` everything, `settle` confirm, release and read reservations."""

    ADMIN = "admin"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key that may be used."""

    name: str
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A key as the list shows it."""

    name: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None


async def create_key(
    database: Database, *, digest: bytes, name: str, scope: Scope, actor: str = OURSELVES
) -> bool:
    """Store a key; False where the name is taken."""
    async with database.transaction() as connection:
        if await connection.fetchrow(INSERT, digest, name, scope) is None:
            return False
        await record(connection, actor, What.KEY_CREATE, name, scope=scope)
    return True


async def find_key(database: Database, digest: bytes) -> Key | None:
    """The key with this digest, if it may be used."""
    row = await database.row(FIND, digest)
    return None if row is None else Key(name=row["name"], scope=Scope(row["scope"]))


async def revoke_key(database: Database, name: str, *, actor: str = OURSELVES) -> bool:
    """Revoke a key; False where there is none to revoke."""
    async with database.transaction() as connection:
        if await connection.fetchrow(REVOKE, name) is None:
            return False
        await record(connection, actor, What.KEY_REVOKE, name)
    return True


async def exists(database: Database, name: str) -> bool:
    """Whether a key is called so, revoked or not."""
    return await database.row(EXISTS, name) is not None


async def list_keys(database: Database) -> list[KeyEntry]:
    """Every key, without what it is."""
    rows = await database.rows(LIST)
    return [KeyEntry(**{**dict(row), "scope": Scope(row["scope"])}) for row in rows]


async def page(database: Database, *, after: str | None, count: int) -> list[KeyEntry]:
    """Keys by name, after the one of that name."""
    rows = await database.rows(PAGE, after, count)
    return [KeyEntry(**{**dict(row), "scope": Scope(row["scope"])}) for row in rows]
