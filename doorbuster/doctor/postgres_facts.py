"""What an examined Postgres tells of itself, and how it is read."""

from dataclasses import dataclass

from doorbuster.doctor.clocks import Reading, read_against_host
from sql import inspection
from sql.database import Database
from sql.inspection import MigrationState, ServerSettings, TableRows, Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresFacts:
    """Everything together. `default_commit` is what a session gets that does not set it.

    `migrations` is None where the role may not read which were applied.
    """

    settings: ServerSettings
    default_commit: str
    migrations: MigrationState | None
    missing_privileges: tuple[str, ...]
    waits: tuple[Wait, ...]
    tables: tuple[TableRows, ...]
    clock: Reading


async def read_postgres(database: Database, url: str) -> PostgresFacts:
    """Read all. Raises LedgerFault, or the driver's error for what Postgres refused."""
    return PostgresFacts(
        settings=await inspection.read_settings(database),
        default_commit=await inspection.read_default_commit(url),
        migrations=await _migrations(database),
        missing_privileges=tuple(await inspection.read_missing_privileges(database)),
        waits=tuple(await inspection.read_waits(database)),
        tables=tuple(await inspection.read_tables(database)),
        clock=await read_against_host(lambda: inspection.read_clock(database)),
    )


async def _migrations(database: Database) -> MigrationState | None:
    try:
        return await inspection.read_migrations(database)
    except inspection.Hidden:
        return None
