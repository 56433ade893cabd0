"""Which reconcilers live, as the ledger knows them."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sql.database import Database
from sql.statement import load

RECONCILERS_LIST: Final = load("reconcilers_list")

# One that stopped in order is off the list at once. Of one that did not, an operator wants to know
# for a while, and nobody on the next day.
FORGOTTEN_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """A reconciler: how long ago it said that it lives, and how many sales it leads."""

    id: UUID
    silent_seconds: float
    leads: int


async def list_reconcilers(database: Database) -> list[Reconciler]:
    """Those that said lately that they live."""
    rows = await database.rows(RECONCILERS_LIST, FORGOTTEN_SECONDS)
    return [Reconciler(**dict(row)) for row in rows]
