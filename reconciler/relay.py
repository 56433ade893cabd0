"""Tells Redis what the ledger decided: returns, grants, states."""

import asyncio
import time
from typing import Final, assert_never

from lua.store import Applied, Refused, Returned, SaleStore, UnknownItem
from reconciler.follower import Follower, NeedsRecovery
from sql.database import Database
from sql.outbox import Pending, PendingGrant, PendingReturn, PendingState, read_pending

ROWS_AT_ONCE: Final = 1000
RETURNS_PER_CALL: Final = 128
PAUSE_SECONDS: Final = 0.05
# A row is sent again while it is pending: the call may have been lost, or refused. Scripts ignore
# what they have done already.
SEND_AGAIN_SECONDS: Final = 1.0


class Relay:
    """Sends the pending rows of one sale; a row is done when the follower reads its entry."""

    def __init__(self, database: Database, store: SaleStore, follower: Follower) -> None:
        self._database = database
        self._store = store
        self._follower = follower
        self._after = 0
        self._restarted_at = 0.0

    async def run(self) -> None:
        """Send for ever. Raises NeedsRecovery and the faults of both stores."""
        while True:
            if not await self._send_some():
                await asyncio.sleep(PAUSE_SECONDS)

    async def _send_some(self) -> bool:
        """Send one page of rows; returns whether there may be more at once."""
        checkpoint = self._follower.checkpoint
        if checkpoint is None:
            return False
        self._restart_now_and_then()
        rows = await read_pending(
            self._database, self._store.sale_id, after=self._after, count=ROWS_AT_ONCE
        )
        if not rows or not await self._send(checkpoint.epoch, rows):
            return False
        self._after = rows[-1].row
        return len(rows) == ROWS_AT_ONCE

    def _restart_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._restarted_at > SEND_AGAIN_SECONDS:
            self._after, self._restarted_at = 0, now

    async def _send(self, epoch: int, rows: list[Pending]) -> bool:
        returns = [row.body for row in rows if isinstance(row, PendingReturn)]
        for start in range(0, len(returns), RETURNS_PER_CALL):
            if not await self._return(epoch, returns[start : start + RETURNS_PER_CALL]):
                return False
        changes = [row for row in rows if not isinstance(row, PendingReturn)]
        return all([await self._change(epoch, row) for row in changes])

    async def _return(self, epoch: int, returns: list[str]) -> bool:
        reply = await self._store.return_units(epoch, returns)
        if not isinstance(reply, Returned):
            return False
        if reply.missing:
            raise NeedsRecovery(f"Redis misses {reply.missing} settled reservations", rebuild=True)
        return True

    async def _change(self, epoch: int, row: PendingGrant | PendingState) -> bool:
        reply = await self._apply(epoch, row)
        if isinstance(reply, UnknownItem):
            raise NeedsRecovery("Redis misses an item that was granted units", rebuild=True)
        return isinstance(reply, Applied)

    async def _apply(
        self, epoch: int, row: PendingGrant | PendingState
    ) -> Applied | UnknownItem | Refused:
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
            case _ as never:
                assert_never(never)
