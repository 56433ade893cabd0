"""Brings a database to the newest schema: numbered files, forward only, each in a transaction."""

import hashlib
from dataclasses import dataclass
from importlib import resources

import asyncpg

from sql.faults import translated

# Any number will do; it only has to be the same in every process that migrates.
ADVISORY_LOCK = 0x446F6F7262
HISTORY = """
create table if not exists schema_migration (
    number     integer primary key,
    name       text not null,
    checksum   text not null,
    applied_at timestamptz not null default now()
)
"""


class MigrationDrift(Exception):
    """A migration that was applied is not the one that lies here now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file, `0001_name.sql`."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """What tells that the file was not changed after it was applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Every migration, in order."""
    files = (resources.files("sql") / "migrations").iterdir()
    return sorted(
        (_parse(file.name, file.read_text()) for file in files if file.name.endswith(".sql")),
        key=lambda migration: migration.number,
    )


def _parse(file_name: str, text: str) -> Migration:
    number, _, name = file_name.removesuffix(".sql").partition("_")
    return Migration(number=int(number), name=name, text=text)


async def migrate(database_url: str) -> list[Migration]:
    """Apply what is missing and return it; processes that start together wait for each other.

    Raises MigrationDrift, or a `sql.faults.LedgerFault`.
    """
    async with translated():
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("select pg_advisory_lock($1)", ADVISORY_LOCK)
            return await _apply_missing(connection)
        finally:
            await connection.close()


async def _apply_missing(connection: "asyncpg.Connection[asyncpg.Record]") -> list[Migration]:
    await connection.execute(HISTORY)
    rows = await connection.fetch("select number, checksum from schema_migration")
    applied = {row["number"]: row["checksum"] for row in rows}
    missing = [each for each in migrations() if _is_missing(each, applied)]
    for migration in missing:
        async with connection.transaction():
            await connection.execute(migration.text)
            await connection.execute(
                "insert into schema_migration (number, name, checksum) values ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
    return missing


def _is_missing(migration: Migration, applied: dict[int, str]) -> bool:
    if migration.number not in applied:
        return True
    if applied[migration.number] != migration.checksum:
        raise MigrationDrift(f"migration {migration.number} was changed after it was applied")
    return False
