"""How much waits in the ledger: for an operator, or for Redis."""

from dataclasses import dataclass
from typing import Final

from sql.database import Database
from sql.statement import load

BACKLOG: Final = load("backlog_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Open alarms, parked records, and rows of the outbox that are not done."""

    alarms: int
    parked: int
    outbox: int


async def read_backlog(database: Database) -> Backlog:
    """Count what waits, over all sales. Raises a LedgerFault."""
    row = await database.row(BACKLOG)
    return Backlog(**dict(row)) if row else Backlog(alarms=0, parked=0, outbox=0)
