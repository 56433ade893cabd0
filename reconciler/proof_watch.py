"""Looks again at what the server keeps: whoever changes its configuration changes the promise."""

import asyncio
import logging
from typing import Final

from lua.record import Proof
from lua.store import SaleStore, Stamp
from reconciler.server_facts import is_rewriting, prove
from sql.alarms import AlarmKind, raise_alarm
from sql.database import Database

log = logging.getLogger(__name__)

# So long a 201 may promise too much after somebody has turned `appendfsync` off, and some seconds
# more until each gateway has read it. Looking costs Redis a fifth of a millisecond.
LOOK_SECONDS: Final = 15.0
# In the order of what they survive.
LEVELS: Final = ("memory", "fsync", "replicated")


class ProofWatch:
    """Keeps the level that a sale's record names true to the server."""

    def __init__(self, database: Database, store: SaleStore) -> None:
        self._database = database
        self._store = store

    async def run(self) -> None:
        """Look for ever. Raises the faults of both stores."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        stamp = await self._store.stamp()
        if stamp is None:
            return
        proof = await prove(self._store.server)
        if strength(proof) < strength(stamp.proof):
            await self._weaken(stamp, proof)
        elif strength(proof) > strength(stamp.proof):
            await self.strengthen(stamp, proof)

    async def _weaken(self, stamp: Stamp, proof: Proof) -> None:
        """The alarm comes first: whoever dies in between is told again by the next look."""
        was, now = _told(stamp.proof), _told(proof)
        what = (
            f"Redis keeps the level {now} only, and kept {was} before: its configuration was "
            "changed. Checkouts that are promised more are refused: durability-unproven"
        )
        log.warning("sale %s: %s", self._store.sale_id, what)
        sale_id = self._store.sale_id
        await raise_alarm(self._database, sale_id, AlarmKind.LEVEL, what, key=f"{was}, {now}")
        await self._store.prove(stamp.epoch, proof)

    async def strengthen(self, stamp: Stamp, proof: Proof) -> None:
        """Not before the log is whole: switched on, it begins with a rewrite."""
        if not await is_rewriting(self._store.server):
            log.info("sale %s: Redis keeps the level %s", self._store.sale_id, _told(proof))
            await self._store.prove(stamp.epoch, proof)


def strength(proof: Proof) -> tuple[int, int]:
    """What orders proofs by what they survive."""
    level = LEVELS.index(proof.durability) if proof.durability in LEVELS else 0
    return level, proof.replicas


def _told(proof: Proof) -> str:
    if proof.durability != "replicated":
        return proof.durability
    return f"replicated (by {proof.replicas})"
