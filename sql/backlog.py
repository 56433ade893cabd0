"""How much waits in the ledger: for an operator, or for Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sql.alarms import AlarmKind
from sql.database import Database
from sql.statement import load

BACKLOG: Final = load("backlog_count")
ALARMS: Final = load("alarms_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Open alarms by their kind, parked records, and rows of the outbox that are not done."""

    alarms: Mapping[str, int]
    parked: int
    outbox: int


async def read_backlog(database: Database) -> Backlog:
    """Count what waits, over all sales; of every kind of alarm, also where there is none."""
    row = await database.row(BACKLOG)
    alarms = dict.fromkeys(map(str, AlarmKind), 0)
    alarms |= {each["kind"]: each["count"] for each in await database.rows(ALARMS)}
    parked, outbox = (row["parked"], row["outbox"]) if row else (0, 0)
    return Backlog(alarms=alarms, parked=parked, outbox=outbox)
