"""Recomputes the invariants of a sale from what both stores hold, and names what disagrees.

The record is read at a version, the ledger once it has passed that version; whatever happened in
between is in the stream. So the answer is exact while the sale goes on.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from lua.store import SaleStore
from reconciler.comparison import Rows, compare, compare_rows
from reconciler.drift import Drift
from reconciler.findings import Finding, ItemSums
from reconciler.interval import Interval, interval
from reconciler.pace import Pace
from reconciler.redis_cut import Moved, RedisCut, redis_cut
from sql.audit import LedgerCut, ledger_cut
from sql.database import Database
from sql.ledger import read_checkpoint

WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05
ATTEMPTS: Final = 5


class CannotAudit(Exception):
    """There is no cut to be had: the stock is not proven, or the ledger does not catch up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found of a sale, at a version of an epoch; `items` are the sums behind it.

    `corrections` and `pending_corrections` are those of `sql.audit.LedgerCut`. `granted` are the
    skus whose units changed between the cuts: the two counts of them are of different moments.
    """

    sale_id: str
    epoch: int
    version: int
    ledger_version: int
    reservations: int
    findings: list[Finding]
    items: list[ItemSums]
    corrections: dict[tuple[str, str], int]
    pending_corrections: frozenset[str]
    granted: frozenset[str]

    @property
    def clean(self) -> bool:
        """Whether every invariant holds."""
        return not self.drifts

    @property
    def drifts(self) -> list[Drift]:
        """Everything that disagrees."""
        return [drift for finding in self.findings for drift in finding.drifts]


async def audit(
    database: Database,
    store: SaleStore,
    *,
    wait_seconds: float = WAIT_SECONDS,
    share: float = 1.0,
) -> Audit:
    """Audit a sale, and compare in a `share` of the time.

    Raises CannotAudit, and the faults of both stores.
    """
    for _ in range(ATTEMPTS):
        with suppress(Moved):
            return await _attempt(database, store, wait_seconds, share)
        await asyncio.sleep(LOOK_SECONDS)
    raise CannotAudit(f"{store.sale_id}: the stock is not proven, or is recovered again and again")


async def _attempt(
    database: Database, store: SaleStore, wait_seconds: float, share: float
) -> Audit:
    read_up_to = (await read_checkpoint(database, store.sale_id)).version
    redis = await redis_cut(store)
    await _wait_for_ledger(database, redis, store.sale_id, wait_seconds)
    async with ledger_cut(database, store.sale_id) as ledger:
        if ledger.checkpoint.epoch != redis.record.epoch:
            raise Moved
        if ledger.checkpoint.version < redis.record.version:
            raise Moved  # It was restored from a backup since it had got there.
        between = await interval(store, redis, ledger)
        pace = Pace(share)
        rows = await compare_rows(redis, ledger, between, pace)
    # All that is needed of the ledger is here: a transaction that rests too long is ended.
    return await _audited(redis, ledger, between, rows, pace, read_up_to)


async def _wait_for_ledger(
    database: Database, redis: RedisCut, sale_id: str, seconds: float
) -> None:
    record = redis.record
    try:
        async with asyncio.timeout(seconds):
            while (await read_checkpoint(database, sale_id)).version < record.version:
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise CannotAudit(
            f"{sale_id}: the ledger has not reached version {record.version} within "
            f"{seconds:g} s: is a reconciler running?"
        ) from error


async def _audited(
    redis: RedisCut,
    ledger: LedgerCut,
    between: Interval,
    rows: Rows,
    pace: Pace,
    read_up_to: int,
) -> Audit:
    findings, items = await compare(redis, ledger, between, rows, pace, read_up_to=read_up_to)
    return Audit(
        sale_id=ledger.sale_id,
        epoch=redis.record.epoch,
        version=redis.record.version,
        ledger_version=ledger.checkpoint.version,
        reservations=len(redis.reservations),
        findings=findings,
        items=items,
        corrections=ledger.corrections,
        pending_corrections=ledger.pending_corrections,
        granted=frozenset(between.granted),
    )
