"""Alarms, recoveries and witnesses: what an operator must be able to read afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sql.database import Database
from sql.statement import load

RAISE = load("alarm_raise")
ALARMS_OPEN = load("alarms_open")
RECOVERY_INSERT = load("recovery_insert")
WITNESS_NOTE = load("witness_note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that must not happen and did."""

    sale_id: str
    what: str
    at: datetime


async def raise_alarm(database: Database, sale_id: str, what: str) -> None:
    """Keep an alarm until somebody acknowledges it."""
    await database.execute(RAISE, sale_id, what)


async def open_alarms(database: Database, sale_id: str) -> list[Alarm]:
    """The alarms of a sale that nobody has acknowledged."""
    return [Alarm(**dict(row)) for row in await database.rows(ALARMS_OPEN, sale_id)]


async def note_witnesses(database: Database, sale_id: str, seen: Mapping[int, int]) -> None:
    """Keep the highest version that anybody saw of each epoch."""
    if seen:
        await database.execute(WITNESS_NOTE, sale_id, list(seen), list(seen.values()))


async def note_recovery(
    database: Database,
    sale_id: str,
    *,
    epoch: int,
    outcome: str,
    why: str,
    version: int,
    ended_epoch: int,
    milliseconds: float,
) -> None:
    """Keep a finished recovery; `ended_epoch` ended at `version`."""
    await database.execute(
        RECOVERY_INSERT, sale_id, epoch, outcome, why, version, ended_epoch, milliseconds
    )
