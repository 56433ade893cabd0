"""Commits a batch although a context in it cannot be read."""

from contextlib import suppress

from sql.alarms import AlarmKind, raise_alarm
from sql.database import Database
from sql.ledger import Batch, Unreadable, commit
from sql.sales import NotAllowed, change_state


async def commit_or_park(database: Database, batch: Batch) -> None:
    """Commit; what cannot be read is parked, and nobody is admitted until somebody has looked.

    Whatever wrote it may write more. Raises as `commit` does, but for Unreadable.
    """
    try:
        await commit(database, batch)
    except Unreadable as unreadable:
        with suppress(NotAllowed):
            await change_state(database, batch.sale_id, "pause")
        what = f"paused, a context is parked: {unreadable}"
        await raise_alarm(database, batch.sale_id, AlarmKind.PARKED, what)
        await commit(database, batch, parking=True)
