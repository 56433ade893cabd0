"""Alarms and witnesses: what an operator must be able to read afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sql.acts import What, record
from sql.database import Connection, Database
from sql.statement import load

RAISE = load("alarm_raise")
ALARMS_LIST = load("alarms_list")
ALARM_FIND = load("alarm_find")
ALARM_ACKNOWLEDGE = load("alarm_acknowledge")
KEYS_LEFT = load("keys_left")
KEYS_REMOVED = load("keys_removed")
WITNESS_NOTE = load("witness_note")

# A page; whoever wants more asks for what comes before the last of it.
MOST_ALARMS: Final = 100


class AlarmKind(StrEnum):
    """What happened; docs/operations/alarms.md says what each means, and what to do."""

    REBUILT = "rebuilt"
    LOST = "lost"
    ROLLED_BACK = "rolled-back"
    CONTRADICTED = "contradicted"
    NOT_ADOPTED = "not-adopted"
    PARKED = "parked"
    DRIFT = "drift"
    LEVEL = "level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that must not happen and did, and who has said that they know.

    `kind` is an AlarmKind, `earlier` where it was raised before there were kinds, or one that a
    newer Doorbuster knows.
    """

    id: int
    sale_id: str
    kind: str
    what: str
    at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None


async def raise_alarm(
    ledger: "Database | Connection",
    sale_id: str,
    kind: AlarmKind,
    what: str,
    *,
    key: str | None = None,
    epochs: Sequence[int] = (),
) -> None:
    """Keep an alarm until somebody acknowledges it.

    While one of the same kind and `key` is open, it is not raised again. `epochs` are those whose
    keys stay in Redis as long as it is open.
    """
    await ledger.execute(RAISE, sale_id, kind, what, key, list(epochs))


async def list_alarms(
    database: Database,
    *,
    sale_id: str | None = None,
    acknowledged: bool = False,
    before: int | None = None,
    limit: int = MOST_ALARMS,
) -> list[Alarm]:
    """Alarms, newest first, those that somebody acknowledged only where asked for.

    `before` is the id of the last one that the caller has seen.
    """
    rows = await database.rows(ALARMS_LIST, sale_id, acknowledged, before, limit)
    return [Alarm(**dict(row)) for row in rows]


async def open_alarms(database: Database, sale_id: str) -> list[Alarm]:
    """The newest alarms of a sale that nobody has acknowledged."""
    return await list_alarms(database, sale_id=sale_id)


async def find_alarm(database: Database, alarm_id: int) -> Alarm | None:
    """An alarm, acknowledged or not."""
    row = await database.row(ALARM_FIND, alarm_id)
    return None if row is None else Alarm(**dict(row))


async def acknowledge(database: Database, alarm_id: int, *, actor: str) -> Alarm | None:
    """Say that somebody knows; whoever said so first stays on record. None: no such alarm."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(ALARM_ACKNOWLEDGE, alarm_id, actor)
        if row is not None:
            await record(connection, actor, What.ALARM_ACKNOWLEDGE, str(alarm_id))
            return Alarm(**dict(row))
    return await find_alarm(database, alarm_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysLeft:
    """Epochs whose keys stayed in Redis for an alarm that somebody has acknowledged meanwhile."""

    alarm_id: int
    epochs: tuple[int, ...]


async def keys_left(database: Database, sale_id: str) -> list[KeysLeft]:
    """What may be removed from Redis now."""
    rows = await database.rows(KEYS_LEFT, sale_id)
    return [KeysLeft(alarm_id=row["id"], epochs=tuple(row["epochs"])) for row in rows]


async def note_keys_removed(database: Database, alarm_id: int) -> None:
    """Say that it was removed."""
    await database.execute(KEYS_REMOVED, alarm_id)


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
                AlarmKind.LOST,
                f"epoch {row['epoch']} ended at version {row['ended_at']}, and somebody has seen "
                f"{row['seen']}: up to {lost} acknowledged changes were lost",
            )
