"""Keeps one sale: follows its history, relays, sweeps, clears up, and recovers when it must."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from lua.faults import RedisFault
from lua.server import Server
from lua.store import SaleStore
from reconciler.follower import Follower, NeedsRecovery, OnCommit
from reconciler.leisure import Leisure
from reconciler.metrics import Metrics
from reconciler.proof_watch import ProofWatch
from reconciler.recovery import Abandoned, Recovery
from reconciler.relay import Relay
from reconciler.remains import Remains
from reconciler.self_audit import Rhythm, SelfAudit
from reconciler.sweeper import Sweeper
from reconciler.witnesses import Witnesses
from sql.database import Database
from sql.faults import LedgerFault
from sql.ledger import Checkpoint, read_checkpoint
from sql.sales import Sale

log = logging.getLogger(__name__)

# Short enough that a sale is open again well within a second of its server being back.
RETRY_SECONDS: Final = 0.05
# Whoever began a recovery gets so long to finish it, then twice as long, and so on: two who lead a
# sale for a moment, and have much to rebuild, would otherwise spoil each other's work for ever.
PATIENCE_SECONDS: Final = 1.0
MAX_PATIENCE_SECONDS: Final = 64.0
# A defect must not spin, and must not take the other sales' keepers with it.
DEFECT_SECONDS: Final = 2.0


class Keeper:
    """Keeps one sale until it is cancelled."""

    def __init__(
        self,
        database: Database,
        server: Server,
        sale: Sale,
        metrics: Metrics,
        rhythm: Rhythm,
        *,
        on_commit: OnCommit | None = None,
    ) -> None:
        store = SaleStore(server, sale.id)
        self._database = database
        self._sale_id = sale.id
        self._metrics = metrics
        leisure = Leisure(database, sale.id)
        self._follower = Follower(
            database,
            store,
            metrics,
            leisure,
            hold_seconds=sale.hold_seconds,
            on_commit=on_commit,
        )
        self._self_audit = SelfAudit(database, store, metrics, rhythm)
        self._parts = [
            self._follower.run,
            Relay(database, store, self._follower, leisure).run,
            Sweeper(database, store, metrics, leisure).run,
            Witnesses(database, store, self._follower).run,
            Remains(database, store).run,
            ProofWatch(database, store).run,
            leisure.run,
        ]
        if rhythm.every_seconds > 0:
            self._parts.append(self._self_audit.run)
        self._recovery = Recovery(database, store)
        self._recovering = asyncio.Lock()
        self._patience_seconds = PATIENCE_SECONDS
        self._is_wrong = False
        self._complaint = ""

    async def run(self) -> None:
        """Do all parts of the work side by side; whatever fails is tried again."""
        with (
            self._metrics.lagging(self._sale_id, self._follower.lag),
            self._metrics.auditing(self._sale_id, self._self_audit.last),
        ):
            async with asyncio.TaskGroup() as tasks:
                for part in self._parts:
                    tasks.create_task(self._again_and_again(part))

    async def _again_and_again(self, part: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.current_task()
        # Before Python 3.12 a cancellation can be lost where it meets the end of what was waited
        # for; the task remembers that there was one.
        while task is None or not task.cancelling():
            try:
                await self._once(part)
            except (RedisFault, LedgerFault, Abandoned) as fault:
                self._complain(f"{type(fault).__name__}: {fault}")
                await asyncio.sleep(RETRY_SECONDS)
            # A defect met in one sale must not stop the others; it is logged with its traceback.
            except Exception:
                log.exception("sale %s: unforeseen", self._sale_id)
                await asyncio.sleep(DEFECT_SECONDS)

    async def _once(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except NeedsRecovery as need:
            await self._recover(need)

    async def _recover(self, need: NeedsRecovery) -> None:
        met = self._follower.checkpoint
        if met is not None and met.opened == met.epoch:
            # Whatever there was before, somebody has brought it to an end.
            self._patience_seconds, self._is_wrong = PATIENCE_SECONDS, False
        async with self._recovering:
            # Where the epoch moved meanwhile, somebody has recovered, or is at it.
            if met is not None and await self._stays_at(met):
                why = str(need) if met.opened else "it opens for the first time"
                if met.opened:
                    self._complain(why)
                # Remembered over attempts that fail: the next one may be asked for by the gate.
                self._is_wrong |= need.rebuild
                await self._bring_back(why)
                self._is_wrong = False

    async def _bring_back(self, why: str) -> None:
        try:
            outcome = await self._recovery.run(why, rebuild=self._is_wrong)
        except (RedisFault, LedgerFault, Abandoned):
            self._metrics.recoveries.labels("failed").inc()
            raise
        self._metrics.recoveries.labels(outcome).inc()

    async def _stays_at(self, met: Checkpoint) -> bool:
        """Whether nobody has begun or finished a recovery since, though we wait for who began one.

        Only the version may have moved.
        """
        deadline = time.monotonic() + self._patience_seconds
        while _epochs(now := await self._look()) == _epochs(met) and self._is_somebody_elses(now):
            if time.monotonic() > deadline:
                self._patience_seconds = min(2 * self._patience_seconds, MAX_PATIENCE_SECONDS)
                return True
            await asyncio.sleep(RETRY_SECONDS)
        return _epochs(now) == _epochs(met)

    def _is_somebody_elses(self, checkpoint: Checkpoint) -> bool:
        """Whether somebody else has begun a recovery, and not finished it."""
        return checkpoint.opened < checkpoint.epoch != self._recovery.begun

    async def _look(self) -> Checkpoint:
        return await read_checkpoint(self._database, self._sale_id)

    def _complain(self, complaint: str) -> None:
        """Say it once, not at every attempt."""
        if complaint != self._complaint:
            log.warning("sale %s: %s", self._sale_id, complaint)
            self._complaint = complaint


def _epochs(checkpoint: Checkpoint) -> tuple[int, int]:
    return checkpoint.epoch, checkpoint.opened
