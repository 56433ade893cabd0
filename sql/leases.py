"""Which reconciler leads which sale.

A lease saves work; safety never rests on it, because every commit compares the checkpoint. It is
a row with a time, and no session lock, because a process that is stopped would hold a lock for
as long as its connection lives.
"""

from uuid import UUID

from sql.database import Database
from sql.statement import load

BEAT = load("reconciler_beat")
LEAVE = load("reconciler_leave")
SHARE = load("lease_share")
RENEW = load("lease_renew")
CLAIM = load("lease_claim")
DROP = load("lease_drop")
DROP_ALL = load("lease_drop_all")


async def renew(database: Database, reconciler: UUID, *, seconds: float) -> set[str]:
    """Keep this reconciler's leases, drop or claim to reach a fair share; returns its sales."""
    async with database.transaction() as connection:
        await connection.execute(BEAT, reconciler)
        share: int = await connection.fetchval(SHARE, seconds)
        kept = [row["sale_id"] for row in await connection.fetch(RENEW, reconciler, seconds)]
        if len(kept) > share:
            await connection.execute(DROP, reconciler, kept[share:])
        elif len(kept) < share:
            missing = share - len(kept)
            free = await connection.fetch(CLAIM, reconciler, seconds, missing)
            kept += [row["sale_id"] for row in free]
    return set(kept[:share])


async def leave(database: Database, reconciler: UUID) -> None:
    """Give every sale up, so that others can take them at once, and go off the list."""
    async with database.transaction() as connection:
        await connection.execute(DROP_ALL, reconciler)
        await connection.execute(LEAVE, reconciler)
