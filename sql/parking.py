"""Sets apart what Postgres refuses, so that one record does not hold up all that come after it.

Of an admission only the context is free text; everything else was checked by the script. So the
order itself is always taken into the ledger, with its units, and can be paid: what is parked is
the context that could not be read, until somebody has looked at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from sql.database import Connection, Database
from sql.statement import load

CONTEXT_CHECK = load("context_check")
PARKED_INSERT = load("parked_insert")
PARKED_OPEN = load("parked_open")
NOTHING_KNOWN = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A reservation whose context the ledger could not read, and what Postgres said of it."""

    reservation: UUID
    context: bytes
    reason: str
    parked_at: datetime


async def park(
    connection: Connection, sale_id: str, ids: Sequence[str], contexts: Sequence[str]
) -> list[str]:
    """Park the contexts that cannot be read; returns all of them, with nothing in their place."""
    refused = await _refused(connection, contexts, range(len(contexts)))
    where = list(refused)
    await connection.execute(
        PARKED_INSERT,
        sale_id,
        [ids[each] for each in where],
        [contexts[each].encode() for each in where],
        [refused[each] for each in where],
    )
    return [
        NOTHING_KNOWN if number in refused else context for number, context in enumerate(contexts)
    ]


async def _refused(
    connection: Connection, contexts: Sequence[str], where: Sequence[int]
) -> dict[int, str]:
    """The numbers of those that cannot be read, with the reason: by halves, since most can."""
    reason = await _refusal(connection, [contexts[each] for each in where])
    if reason is None:
        return {}
    if len(where) == 1:
        return {where[0]: reason}
    half = len(where) // 2
    return {
        **await _refused(connection, contexts, where[:half]),
        **await _refused(connection, contexts, where[half:]),
    }


async def _refusal(connection: Connection, contexts: list[str]) -> str | None:
    try:
        async with connection.transaction():
            await connection.execute(CONTEXT_CHECK, contexts)
    except asyncpg.DataError as error:
        return str(error)
    return None


async def open_parked(database: Database, sale_id: str) -> list[Parked]:
    """What was parked of a sale and nobody has dealt with."""
    return [Parked(**dict(row)) for row in await database.rows(PARKED_OPEN, sale_id)]
