"""Which reconciler leads which sale.

A lease saves work; safety never rests on it, because every commit compares the checkpoint. It is
a row with a time, and no session lock, because a process that is stopped would hold a lock for
as long as its connection lives.
"""

from collections.abc import Collection
from uuid import UUID

from sql.database import Database
from sql.statement import load

BEAT = load("reconciler_beat")
LEAVE = load("reconciler_leave")
SHARE = load("lease_share")
RENEW = load("lease_renew")
CLAIM = load("lease_claim")
DROP = load("lease_drop")


async def renew(database: Database, reconciler: UUID, *, seconds: float) -> set[str]:
    """Keep this reconciler's leases, drop or claim to reach a fair share; returns its sales."""
    async with database.transaction() as connection:
        await connection.execute(BEAT, reconciler)
        share: int = await connection.fetchval(SHARE, seconds)
        kept = [row["sale_id"] for row in await connection.fetch(RENEW, reconciler, seconds)]
        if len(kept) > share:
            await connection.execute(DROP, reconciler, kept[share:])
        elif len(kept) < share:
            free = await connection.fetch(CLAIM, reconciler, seconds, share - len(kept))
            kept += [row["sale_id"] for row in free]
    return set(kept[:share])


async def drop(database: Database, reconciler: UUID, sales: Collection[str]) -> None:
    """Give sales up, so that another reconciler can take them at once."""
    await database.execute(DROP, reconciler, list(sales))


async def leave(database: Database, reconciler: UUID) -> None:
    """Take this reconciler off the list."""
    await database.execute(LEAVE, reconciler)
