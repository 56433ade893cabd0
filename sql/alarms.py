"""Alarms and witnesses: what an operator must be able to read afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sql.database import Connection, Database
from sql.statement import load

RAISE = load("alarm_raise")
ALARMS_OPEN = load("alarms_open")
WITNESS_NOTE = load("witness_note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that must not happen and did."""

    sale_id: str
    what: str
    at: datetime


async def raise_alarm(ledger: "Database | Connection", sale_id: str, what: str) -> None:
    """Keep an alarm until somebody acknowledges it."""
    await ledger.execute(RAISE, sale_id, what)


async def open_alarms(database: Database, sale_id: str) -> list[Alarm]:
    """The alarms of a sale that nobody has acknowledged."""
    return [Alarm(**dict(row)) for row in await database.rows(ALARMS_OPEN, sale_id)]


async def note_witnesses(database: Database, sale_id: str, seen: Mapping[int, int]) -> None:
    """Keep the highest version that anybody saw of each epoch.

    Raises an alarm for what comes only now: of an epoch that had ended before what was seen.
    """
    async with database.transaction() as connection:
        rows = await connection.fetch(WITNESS_NOTE, sale_id, list(seen), list(seen.values()))
        for row in rows:
            lost = row["seen"] - row["ended_at"]
            await raise_alarm(
                connection,
                sale_id,
                f"epoch {row['epoch']} ended at version {row['ended_at']}, and somebody has seen "
                f"{row['seen']}: up to {lost} acknowledged changes were lost",
            )
