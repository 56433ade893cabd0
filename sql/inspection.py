"""What an examination asks Postgres: about the server, the role, the schema, and what waits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from sql.database import CONNECT_TIMEOUT_SECONDS, Database
from sql.faults import translated
from sql.migrate import Migration, migrations
from sql.privileges import needed_privileges
from sql.statement import load

SERVER: Final = load("inspect_server")
WAITS: Final = load("inspect_waits")
TABLES: Final = load("inspect_tables")
PRIVILEGES: Final = load("inspect_privileges")
HISTORY: Final = load("inspect_history")
MIGRATIONS: Final = load("inspect_migrations")
RECONCILERS: Final = load("inspect_reconcilers")
LEASES: Final = load("inspect_leases")
OUTBOX: Final = load("inspect_outbox")
ALARMS: Final = load("inspect_alarms")
CLOCK: Final = load("inspect_clock")

# Rows that every batch updates, and the one table that grows.
WATCHED_TABLES: Final = ("checkpoint", "item", "outbox", "reservation")
WAIT_SECONDS: Final = 5.0
MOST_ALARMS: Final = 20


class Hidden(Exception):
    """The role may not read this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One row of `inspect_server`. `version` is that of `server_version_num`, such as 180006."""

    version: int
    synchronous_commit: str
    fsync: bool
    full_page_writes: bool
    autovacuum: bool
    standby_names: str
    synchronous_standbys: int
    in_recovery: bool
    read_only: bool
    role: str
    superuser: bool
    sees_all_sessions: bool
    connections: int
    connections_of_others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A session that holds others up, or is held up."""

    pid: int
    application_name: str
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """Live and dead rows of a table, estimated."""

    name: str
    live: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationState:
    """Names of migrations: not applied here, changed since, and of a newer program."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    newer: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnledSale:
    """A sale that no reconciler leads."""

    sale_id: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRows:
    """What a sale's outbox still holds; `oldest` is a row's id."""

    sale_id: str
    oldest: int
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlarm:
    """An alarm that nobody has acknowledged."""

    id: int
    sale_id: str
    what: str
    at: datetime


async def read_settings(database: Database) -> ServerSettings:
    """Read what our own sessions meet."""
    row = await database.row(SERVER)
    if row is None:
        raise LookupError("Postgres does not know the role and the database of this session")
    return ServerSettings(**dict(row))


async def read_default_commit(url: str) -> str:
    """Read the `synchronous_commit` of a session that, unlike ours, does not set it."""
    async with translated():
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS)
        try:
            return str(await connection.fetchval("show synchronous_commit"))
        finally:
            await connection.close()


async def read_waits(database: Database, *, seconds: float = WAIT_SECONDS) -> list[Wait]:
    """Read who has been idle in a transaction, or waiting for a lock, for as long."""
    return [Wait(**dict(row)) for row in await database.rows(WAITS, seconds)]


async def read_tables(database: Database) -> list[TableRows]:
    """Read how many dead rows the busiest tables carry."""
    return [TableRows(**dict(row)) for row in await database.rows(TABLES, list(WATCHED_TABLES))]


async def read_missing_privileges(database: Database) -> list[str]:
    """Read what our statements need and the role lacks, such as `insert on reservation`."""
    tables, privileges = zip(*needed_privileges(), strict=True)
    rows = await database.rows(PRIVILEGES, tables, privileges)
    return [f"{row['privilege']} on {row['table_name']}" for row in rows]


async def read_migrations(database: Database) -> MigrationState:
    """Compare what was applied with what this program has. Raises Hidden."""
    row = await database.row(HISTORY)
    applied = await _applied(database) if row and row[0] else {}
    return compare_migrations(applied, migrations())


async def _applied(database: Database) -> dict[int, tuple[str, str]]:
    try:
        rows = await database.rows(MIGRATIONS)
    except asyncpg.InsufficientPrivilegeError as error:
        raise Hidden(str(error)) from error
    return {row["number"]: (row["name"], row["checksum"]) for row in rows}


def compare_migrations(
    applied: Mapping[int, tuple[str, str]], ours: Iterable[Migration]
) -> MigrationState:
    """Compare; `applied` has name and checksum by number."""
    known = {each.number: each for each in ours}
    return MigrationState(
        missing=tuple(_named(n, each.name) for n, each in known.items() if n not in applied),
        changed=tuple(
            _named(n, name)
            for n, (name, checksum) in applied.items()
            if n in known and known[n].checksum != checksum
        ),
        newer=tuple(_named(n, name) for n, (name, _) in applied.items() if n not in known),
    )


def _named(number: int, name: str) -> str:
    return f"{number:04} {name}"


async def count_reconcilers(database: Database, *, seconds: float) -> int:
    """Count those that have been heard of within the seconds."""
    row = await database.row(RECONCILERS, seconds)
    return row[0] if row else 0


async def read_unled(database: Database) -> list[UnledSale]:
    """Read which sales nobody leads now."""
    return [UnledSale(**dict(row)) for row in await database.rows(LEASES)]


async def read_outbox(database: Database) -> list[PendingRows]:
    """Read what is pending now."""
    return [PendingRows(**dict(row)) for row in await database.rows(OUTBOX)]


async def read_alarms(database: Database) -> list[OpenAlarm]:
    """Read the oldest open alarms, at most MOST_ALARMS."""
    return [OpenAlarm(**dict(row)) for row in await database.rows(ALARMS, MOST_ALARMS)]


async def read_clock(database: Database) -> float:
    """Read the server's clock, in milliseconds since 1970."""
    row = await database.row(CLOCK)
    return float(row[0]) if row else 0.0
