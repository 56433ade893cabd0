"""Reads a sale's history in order and commits it, from one checkpoint to the next."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never

from lua.entry import Entry
from lua.faults import RedisFault
from lua.hints import hint
from lua.store import Behind, Followed, OtherEpoch, SaleStore, Unproven
from reconciler.catching_up import CatchingUp
from reconciler.history import build
from reconciler.leisure import Leisure
from reconciler.metrics import Lag, Metrics
from reconciler.parking import commit_or_park
from sql.batch import Batch
from sql.database import Database
from sql.ledger import Checkpoint, Contradiction, Superseded, read_checkpoint

# A transaction of 2,000 orders keeps its row locks for about 30 ms and spends little on its
# COMMIT; smaller ones cost throughput, larger ones keep confirms and releases waiting.
ORDERS_PER_TRANSACTION: Final = 2000
MIN_ENTRIES: Final = 16
# An entry may hold one order or 128: what is read at once is to stay below 30 MB, whatever comes.
MAX_ENTRIES: Final = 512
# While nothing happens the follower looks less and less often, up to this.
IDLE_SECONDS: Final = (0.002, 0.1)
# Whoever has caught up waits so long for more: at 5,000 orders a second a transaction then has a
# hundred of them where it had ten, and costs about the same. Nobody waits where somebody is
# promised an answer only once the ledger has it.
GATHER_SECONDS: Final = 0.02
# And reads the checkpoint again so often: a ledger that was restored from a backup is to be noticed
# although nothing is sold.
READ_AGAIN_SECONDS: Final = 1.0
TRIM_EVERY_SECONDS: Final = 1.0
REFUSED: Final = "the ledger has refused an order that Redis holds"


# What is told of a commit: the batch, and between which nanoseconds since 1970 it was committed.
OnCommit: TypeAlias = Callable[[Batch, int, int], None]


class NeedsRecovery(Exception):
    """What Redis holds cannot be followed as it is. `rebuild`: nor can it be adopted."""

    def __init__(self, why: str, *, rebuild: bool = False) -> None:
        super().__init__(why)
        self.rebuild = rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What was read while the batch before it was on its way into the ledger.

    It is only good once the server was found proven under the same epoch after that: so it is this
    server's, and none of it was lost.
    """

    entries: list[Entry]
    batch: Batch

    def follows(self, checkpoint: Checkpoint) -> bool:
        """Whether it is what comes after this checkpoint."""
        return (self.batch.epoch, self.batch.began) == (checkpoint.epoch, checkpoint.version)


class Follower:
    """Follows one sale. `checkpoint` is None until it was first read."""

    def __init__(
        self,
        database: Database,
        store: SaleStore,
        metrics: Metrics,
        leisure: Leisure,
        *,
        hold_seconds: int,
        on_commit: OnCommit | None,
    ) -> None:
        self.checkpoint: Checkpoint | None = None
        self.lag = Lag()
        self._catching_up = CatchingUp(store.sale_id)
        self._metrics = metrics
        self._leisure = leisure
        self._on_commit = on_commit
        self._database = database
        self._store = store
        self._ahead: Ahead | None = None
        self._entries = MIN_ENTRIES
        self._gather_seconds = 0.0
        self._read_at = 0.0
        self._retention = Retention(hold_seconds)

    async def run(self) -> None:
        """Follow until something is wrong.

        Raises NeedsRecovery, `lua.faults.RedisFault` or `sql.faults.LedgerFault`.
        """
        idle = IDLE_SECONDS[0]
        checkpoint = await self._read_checkpoint()
        while True:
            followed = await self._look(checkpoint)
            if followed is not None and followed.entries:
                idle = IDLE_SECONDS[0]
                checkpoint = await self._commit(checkpoint, followed)
                if self._gather_seconds:
                    await self._tell(checkpoint)
                    await asyncio.sleep(self._gather_seconds)
                continue
            await asyncio.sleep(self._leisure.pause(idle))
            idle = min(idle * 2, IDLE_SECONDS[1])
            if followed is None or time.monotonic() - self._read_at > READ_AGAIN_SECONDS:
                checkpoint = await self._read_checkpoint()

    async def _tell(self, checkpoint: Checkpoint) -> None:
        """Have Redis know what is committed: by this, a ledger that was restored is noticed."""
        await self._store.follow(
            checkpoint.epoch, committed=checkpoint.version, trim_below=0, count=0
        )

    async def _read_checkpoint(self) -> Checkpoint:
        self._read_at = time.monotonic()
        self.checkpoint = await read_checkpoint(self._database, self._store.sale_id)
        if self.checkpoint.rebuild:
            raise NeedsRecovery(REFUSED, rebuild=True)
        return self.checkpoint

    async def _look(self, checkpoint: Checkpoint) -> Followed | None:
        """What Redis says; None where the checkpoint has to be read again first."""
        ahead = self._ahead if self._ahead and self._ahead.follows(checkpoint) else None
        reply = await self._store.follow(
            checkpoint.epoch,
            committed=checkpoint.version,
            trim_below=self._retention.trim_below(),
            count=0 if ahead else self._entries,
        )
        match reply:
            case Followed():
                if ahead:
                    reply = replace(reply, entries=ahead.entries)
                return await self._checked(checkpoint, reply)
            case Unproven():
                raise NeedsRecovery("the server is not proven")
            case OtherEpoch(epoch=epoch):
                if await self._moved(checkpoint):
                    return None
                raise NeedsRecovery(f"Redis has epoch {epoch}, the ledger {checkpoint.epoch}")
            case Behind():
                raise NeedsRecovery("Redis is behind")
            case _ as never:
                assert_never(never)

    async def _checked(self, checkpoint: Checkpoint, reply: Followed) -> Followed | None:
        if reply.committed > checkpoint.version:
            if await self._moved(checkpoint):
                return None
            raise NeedsRecovery(
                f"the ledger was rolled back: it stands at {checkpoint.version}, and had committed "
                f"{reply.committed}"
            )
        if reply.seen > reply.version:
            raise NeedsRecovery(f"somebody has seen {reply.seen}, Redis is at {reply.version}")
        if reply.version < checkpoint.version:
            raise NeedsRecovery(f"Redis is at {reply.version}, behind {checkpoint.version}")
        if reply.version > checkpoint.version and not reply.entries:
            raise NeedsRecovery("the stream has no entries after the checkpoint", rebuild=True)
        self._note_lag(checkpoint, reply)
        return reply

    def _note_lag(self, checkpoint: Checkpoint, reply: Followed) -> None:
        """On the Redis clock alone: what is not committed yet is as old as its first entry."""
        age_ms = reply.now_ms - reply.entries[0].at_ms if reply.entries else 0
        behind, seconds = reply.version - checkpoint.version, max(age_ms, 0) / 1000
        self.lag.note(versions=behind, seconds=seconds)
        self._catching_up.note(versions=behind, seconds=seconds)

    async def _moved(self, checkpoint: Checkpoint) -> bool:
        """Whether another reconciler has moved the checkpoint since."""
        now = await read_checkpoint(self._database, self._store.sale_id)
        return (now.epoch, now.version) > (checkpoint.epoch, checkpoint.version)

    async def _commit(self, checkpoint: Checkpoint, followed: Followed) -> Checkpoint:
        began_ns = time.time_ns()
        self._gather_seconds = 0.0
        try:
            batch = self._build(checkpoint, followed)
            is_whole = await self._commit_and_read_ahead(batch, followed)
        except Superseded:
            return await self._read_checkpoint()
        except Contradiction as contradiction:
            raise NeedsRecovery(str(contradiction), rebuild=True) from contradiction
        if batch.admissions.ids:
            await hint(self._store.server, self._store.sale_id)
        self._size(len(followed.entries), batch.last - batch.began)
        if followed.version <= batch.last and not batch.admissions.are_waited_for:
            self._gather_seconds = GATHER_SECONDS
            self.lag.note(versions=0, seconds=0.0)
        self._retention.note(batch.last)
        self._count(batch)
        if self._on_commit is not None:
            self._on_commit(batch, began_ns, time.time_ns())
        self.checkpoint = Checkpoint(
            epoch=checkpoint.epoch, version=batch.last, opened=checkpoint.opened
        )
        if not is_whole:
            raise NeedsRecovery(REFUSED, rebuild=True)
        return self.checkpoint

    def _count(self, batch: Batch) -> None:
        self._metrics.orders.inc(len(batch.admissions.ids))
        self._metrics.returns.inc(len(batch.returns))
        self._metrics.mirror_checks.inc(len(batch.checks))

    def _build(self, checkpoint: Checkpoint, followed: Followed) -> Batch:
        """The batch; it may have been built already. Raises Contradiction."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.entries is followed.entries:
            return ahead.batch
        return build(
            self._store.sale_id,
            epoch=checkpoint.epoch,
            began=checkpoint.version,
            entries=followed.entries,
        )

    async def _commit_and_read_ahead(self, batch: Batch, followed: Followed) -> bool:
        """Commit as `commit_or_park`, and have what comes next ready when that is done."""
        with self._metrics.commit_seconds.time():
            is_whole, ahead = await asyncio.gather(
                commit_or_park(self._database, batch),
                self._read_ahead(batch, followed),
                return_exceptions=True,
            )
        if isinstance(is_whole, BaseException):
            raise is_whole
        if isinstance(ahead, BaseException):
            raise ahead
        self._ahead = ahead
        return is_whole

    async def _read_ahead(self, batch: Batch, followed: Followed) -> Ahead | None:
        """Read and parse the next entries, where there are more; a fault is met again later."""
        if followed.version <= batch.last:
            return None
        try:
            entries = await self._store.surviving(
                batch.epoch, after=batch.last, count=self._entries
            )
            following = build(batch.sale_id, epoch=batch.epoch, began=batch.last, entries=entries)
        except (RedisFault, Contradiction):
            return None
        return Ahead(entries=entries, batch=following) if entries else None

    def _size(self, entries: int, versions: int) -> None:
        """Choose how many entries to read next: so many that they hold about the wanted orders.

        Where fewer came than were asked for, nothing is known of larger numbers, so none is tried.
        """
        wanted = ORDERS_PER_TRANSACTION * entries // versions
        most = self._entries if entries < self._entries else 2 * self._entries
        self._entries = max(MIN_ENTRIES, min(MAX_ENTRIES, most, wanted))


class Retention:
    """Entries stay for `seconds` after they were committed, in case the ledger is rolled back."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._committed: deque[tuple[float, int]] = deque()
        self._trimmed_at = 0.0

    def note(self, version: int) -> None:
        """This version is committed now."""
        now = time.monotonic()
        if not self._committed or now - self._committed[-1][0] > TRIM_EVERY_SECONDS:
            self._committed.append((now, version))

    def trim_below(self) -> int:
        """Entries below this version may go; 0 for none, which is the answer most of the time."""
        now = time.monotonic()
        if now - self._trimmed_at < TRIM_EVERY_SECONDS:
            return 0
        self._trimmed_at = now
        version = 0
        while self._committed and now - self._committed[0][0] > self._seconds:
            version = self._committed.popleft()[1]
        return version
