"""The ledger's schema, brought up to date for somebody who waits in front of a terminal."""

import asyncpg

from doorbuster.faults import NotDone, ServersAway
from sql.faults import LedgerFault
from sql.migrate import MigrationDrift, migrate


async def migrated(database_url: str) -> list[str]:
    """Apply what is missing, and return the names of what was applied.

    Raises ServersAway, or NotDone for a migration that was changed after it had been applied.
    """
    try:
        return [f"{step.number:04} {step.name}" for step in await migrate(database_url)]
    except MigrationDrift as error:
        raise NotDone(str(error)) from error
    except (LedgerFault, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise ServersAway(f"Postgres does not let us in: {error}") from error
    except asyncpg.InvalidCatalogNameError as error:
        raise ServersAway(f"Postgres has no such database: {error}") from error
