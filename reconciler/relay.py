"""Tells Redis what the ledger decided: returns, grants, states, corrections, a rebuild."""

import asyncio
import time
from typing import Final, TypeAlias, assert_never

from lua.store import Applied, Refused, Returned, SaleStore, TooFew, UnknownItem
from reconciler.follower import Follower, NeedsRecovery
from reconciler.leisure import Leisure
from sql.database import Database
from sql.ledger import Checkpoint
from sql.outbox import (
    Pending,
    PendingCorrection,
    PendingGrant,
    PendingRebuild,
    PendingReturn,
    PendingState,
    read_pending,
)

ROWS_AT_ONCE: Final = 1000
RETURNS_PER_CALL: Final = 128
# While there is nothing to be told the relay looks less and less often, up to this.
IDLE_SECONDS: Final = (0.05, 0.4)
# What was told and not read yet is told again after so long. It need not be, scripts ignore what
# they have done already; but rows become visible in another order than that of their numbers.
SEND_AGAIN_SECONDS: Final = 5.0


Change: TypeAlias = PendingGrant | PendingState | PendingCorrection


class Relay:
    """Sends the pending rows of one sale; a row is done when the follower reads its entry."""

    def __init__(
        self, database: Database, store: SaleStore, follower: Follower, leisure: Leisure
    ) -> None:
        self._database = database
        self._leisure = leisure
        self._store = store
        self._follower = follower
        self._after = 0
        self._epoch = 0
        self._told = 0
        self._began_at = 0.0

    async def run(self) -> None:
        """Send for ever. Raises NeedsRecovery and the faults of both stores."""
        self._told, idle = 0, IDLE_SECONDS[0]
        while True:
            sent = await self._send_some()
            idle = IDLE_SECONDS[0] if sent else min(idle * 2, IDLE_SECONDS[1])
            if sent < ROWS_AT_ONCE:
                await asyncio.sleep(self._leisure.pause(idle))

    async def _send_some(self) -> int:
        """Send one page of rows; returns how many were taken."""
        checkpoint = self._follower.checkpoint
        if checkpoint is None:
            return 0
        self._begin_again(checkpoint)
        rows = await read_pending(
            self._database, self._store.sale_id, after=self._after, count=ROWS_AT_ONCE
        )
        if not rows or not await self._send(checkpoint.epoch, rows):
            return 0
        self._after = rows[-1].row
        return len(rows)

    def _begin_again(self, checkpoint: Checkpoint) -> None:
        """Begin with the oldest row where all that was told has been read, and now and then."""
        now = time.monotonic()
        is_read = checkpoint.epoch != self._epoch or checkpoint.version >= self._told
        if is_read or now - self._began_at > SEND_AGAIN_SECONDS:
            self._after, self._epoch, self._began_at = 0, checkpoint.epoch, now

    async def _send(self, epoch: int, rows: list[Pending]) -> bool:
        for row in rows:
            if isinstance(row, PendingRebuild):
                raise NeedsRecovery(f"a rebuild was asked for by {row.actor}", rebuild=True)
        returns = [row.body for row in rows if isinstance(row, PendingReturn)]
        for start in range(0, len(returns), RETURNS_PER_CALL):
            if not await self._return(epoch, returns[start : start + RETURNS_PER_CALL]):
                return False
        changes = [row for row in rows if not isinstance(row, PendingReturn | PendingRebuild)]
        return all([await self._change(epoch, row) for row in changes])

    async def _return(self, epoch: int, returns: list[str]) -> bool:
        reply = await self._store.return_units(epoch, returns)
        if not isinstance(reply, Returned):
            return False
        if reply.missing:
            raise NeedsRecovery(f"Redis misses {reply.missing} settled reservations", rebuild=True)
        self._told = max(self._told, reply.version)
        return True

    async def _change(self, epoch: int, row: Change) -> bool:
        reply = await self._apply(epoch, row)
        if isinstance(reply, UnknownItem):
            raise NeedsRecovery("Redis misses an item that was granted units", rebuild=True)
        if isinstance(reply, TooFew):
            return True  # It is told again, until enough units are back.
        if not isinstance(reply, Applied):
            return False
        self._told = max(self._told, reply.version or 0)
        return True

    async def _apply(self, epoch: int, row: Change) -> Applied | UnknownItem | TooFew | Refused:
        match row:
            case PendingGrant():
                return await self._store.grant(
                    epoch, sku=row.sku, raised=row.raised, revision=row.revision
                )
            case PendingState():
                return await self._store.change_state(
                    epoch,
                    state=row.state,
                    opens_at_ms=row.opens_at_ms,
                    closes_at_ms=row.closes_at_ms,
                    revision=row.revision,
                )
            case PendingCorrection():
                return await self._store.correct(
                    epoch,
                    sku=row.sku,
                    units=row.units,
                    mirrored=row.mirrored,
                    number=row.number,
                )
            case _ as never:
                assert_never(never)
