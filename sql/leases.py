"""Which reconciler leads which sale.

A lease saves work; safety never rests on it, because every commit compares the checkpoint. It is
a row with a time, and no session lock, because a process that is stopped would hold a lock for
as long as its connection lives.
"""

from typing import Final
from uuid import UUID

from sql.database import Database
from sql.statement import load

BEAT = load("reconciler_beat")
LEAVE = load("reconciler_leave")
SHARE = load("lease_share")
RENEW = load("lease_renew")
CLAIM = load("lease_claim")
DROP = load("lease_drop")
TAKE = load("lease_take")
DROP_ALL = load("lease_drop_all")


# Whoever rebuilds a sale by hand takes it for so long, because nobody renews it for them. A rebuild
# of a million orders takes a quarter of a minute.
LONGEST_SECONDS: Final = 60.0


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
            free = await connection.fetch(CLAIM, reconciler, seconds, missing, LONGEST_SECONDS)
            kept += [row["sale_id"] for row in free]
    return set(kept[:share])


async def take(database: Database, reconciler: UUID, sale_id: str, *, seconds: float) -> None:
    """Take a sale from whoever leads it; they notice when they renew."""
    await database.execute(TAKE, reconciler, seconds, sale_id)


async def leave(database: Database, reconciler: UUID) -> None:
    """Give every sale up, so that others can take them at once, and go off the list."""
    async with database.transaction() as connection:
        await connection.execute(DROP_ALL, reconciler)
        await connection.execute(LEAVE, reconciler)
