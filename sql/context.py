"""Whether Postgres can read a context: what a caller says besides, as JSON in free text."""

from collections.abc import Sequence

from sql.database import Connection
from sql.faults import REFUSED
from sql.statement import load

CONTEXT_CHECK = load("context_check")


async def why_unreadable(connection: Connection, contexts: Sequence[str]) -> str | None:
    """What Postgres says of them; None where it can read them all."""
    try:
        async with connection.transaction():
            await connection.execute(CONTEXT_CHECK, contexts)
    except REFUSED as error:
        return str(error)
    return None


async def unreadable(
    connection: Connection, contexts: Sequence[str], where: Sequence[int]
) -> dict[int, str]:
    """The numbers of those that cannot be read, with the reason: by halves, since most can."""
    reason = await why_unreadable(connection, [contexts[each] for each in where])
    if reason is None:
        return {}
    if len(where) == 1:
        return {where[0]: reason}
    half = len(where) // 2
    return {
        **await unreadable(connection, contexts, where[:half]),
        **await unreadable(connection, contexts, where[half:]),
    }
