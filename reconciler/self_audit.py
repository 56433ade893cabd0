"""Audits a sale now and then beside the other work, keeps what was found, and raises an alarm."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from lua.faults import RedisFault
from lua.store import SaleStore
from reconciler.audit import Audit, CannotAudit, audit
from reconciler.drift import Drift, DriftKind
from reconciler.findings import ItemSums
from reconciler.metrics import LastAudit, Metrics
from sql.audit_log import (
    AuditBooks,
    AuditDrift,
    AuditFinding,
    AuditOutcome,
    AuditSums,
    keep_audit,
    keep_failure,
)
from sql.database import Database
from sql.faults import LedgerFault

log = logging.getLogger(__name__)

# A sale that has just been taken over is recovered first; then it is soon known to be well.
FIRST_SECONDS: Final = 5.0
# The rest of a reconciler's time belongs to the sales themselves, however many it keeps: in the
# long run, and while it compares.
SHARE: Final = 0.1
SHARE_MEANWHILE: Final = 0.25
MOST_REST_SECONDS: Final = 60.0
# A ledger that is behind is no fault; the next audit may find it level.
WAIT_SECONDS: Final = 2.0
# A reservation takes about 1 kB of this process while it is compared. A larger sale is left to
# `doorbuster audit`, which is a process of its own.
MOST_RESERVATIONS: Final = 250_000
# Of a drift in every row, these say enough.
DRIFTS_KEPT: Final = 50
DRIFTS_TOLD: Final = 3
OF_ITEMS: Final = frozenset(
    [
        DriftKind.TAKEN,
        DriftKind.OVERSOLD,
        DriftKind.LOWERED,
        DriftKind.STOCK,
        DriftKind.GRANTED,
        DriftKind.MIRROR,
    ]
)


class Rhythm:
    """When a reconciler audits: each sale every so many seconds, and one sale at a time."""

    def __init__(self, every_seconds: float) -> None:
        self.every_seconds = every_seconds
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn, and rest after it for so long that audits keep to their share."""
        async with self._turn:
            began = time.monotonic()
            yield
            taken = time.monotonic() - began
            rest = taken * (SHARE_MEANWHILE / SHARE - 1)
            await asyncio.sleep(min(rest, MOST_REST_SECONDS))


class SelfAudit:
    """Audits one sale; `last` is what came of it."""

    def __init__(
        self, database: Database, store: SaleStore, metrics: Metrics, rhythm: Rhythm
    ) -> None:
        self.last = LastAudit()
        self._database = database
        self._store = store
        self._metrics = metrics
        self._rhythm = rhythm

    async def run(self) -> None:
        """Audit for ever. Raises `sql.faults.LedgerFault`."""
        await asyncio.sleep(min(FIRST_SECONDS, self._rhythm.every_seconds))
        while True:
            async with self._rhythm.turn():
                await self.once(share=SHARE_MEANWHILE)
            await asyncio.sleep(self._rhythm.every_seconds)

    async def once(self, *, share: float = 1.0) -> None:
        """Audit now, in a share of the time. Raises `sql.faults.LedgerFault`."""
        began = time.perf_counter()
        try:
            found = await self._audit(share)
        except (CannotAudit, RedisFault) as fault:
            await self._note_failure(str(fault), time.perf_counter() - began)
        except LedgerFault:
            self._metrics.audits.labels(AuditOutcome.IMPOSSIBLE).inc()
            raise
        else:
            await self._note(found, time.perf_counter() - began)

    async def _audit(self, share: float) -> Audit:
        record = await self._store.read()
        if record is not None and record.reservations > MOST_RESERVATIONS:
            raise CannotAudit(
                f"{self._store.sale_id}: {record.reservations} reservations are too many to be "
                f"compared here: doorbuster audit {self._store.sale_id}"
            )
        return await audit(self._database, self._store, wait_seconds=WAIT_SECONDS, share=share)

    async def _note(self, found: Audit, seconds: float) -> None:
        kept = books(found)
        is_news = await keep_audit(
            self._database,
            found.sale_id,
            kept,
            milliseconds=seconds * 1000,
            alarm=_alarm(found),
        )
        if is_news:
            log.warning("sale %s: %s", found.sale_id, _alarm(found))
        self._metrics.audits.labels(kept.outcome).inc()
        self._metrics.audit_seconds.observe(seconds)
        self.last.note(drifts=len(found.drifts), units=_units(found.drifts))

    async def _note_failure(self, why: str, seconds: float) -> None:
        log.info("no audit of sale %s: %s", self._store.sale_id, why)
        self._metrics.audits.labels(AuditOutcome.IMPOSSIBLE).inc()
        await keep_failure(self._database, self._store.sale_id, why, milliseconds=seconds * 1000)


def books(found: Audit) -> AuditBooks:
    """What is kept of an audit: every sum and every count, and some of what disagrees."""
    return AuditBooks(
        epoch=found.epoch,
        version=found.version,
        ledger_version=found.ledger_version,
        reservations=found.reservations,
        sums=_sums(found.items),
        findings=tuple(
            AuditFinding(
                invariant=each.invariant,
                statement=each.statement,
                compared=each.compared,
                differ=len(each.drifts),
            )
            for each in found.findings
        ),
        drifts=tuple(
            AuditDrift(kind=each.kind, subject=each.subject, says=each.says, units=each.units)
            for each in found.drifts[:DRIFTS_KEPT]
        ),
        keys=tuple(sorted({_key(each) for each in found.drifts})),
    )


def _key(drift: Drift) -> str:
    """By item where it is one of an item: a fault in every row is one fault, and one alarm."""
    return f"{drift.kind}:{drift.subject}" if drift.kind in OF_ITEMS else str(drift.kind)


def _sums(items: Sequence[ItemSums]) -> AuditSums:
    return AuditSums(
        items=len(items),
        granted=sum(each.granted for each in items),
        taken=sum(each.taken for each in items),
        rows=sum(each.rows for each in items),
        mirror=sum(each.mirror for each in items),
        available=sum(each.available for each in items),
        held=sum(each.held for each in items),
    )


def _units(drifts: Sequence[Drift]) -> int:
    return sum(abs(each.units) for each in drifts)


def _alarm(found: Audit) -> str:
    told = "; ".join(each.says for each in found.drifts[:DRIFTS_TOLD])
    rest = len(found.drifts) - DRIFTS_TOLD
    more = f" and {rest} more" if rest > 0 else ""
    return (
        f"at version {found.version} the books disagree: {told}{more}. `doorbuster audit "
        f"{found.sale_id} --last` says what that means, `doorbuster mend {found.sale_id}` what "
        "mends it"
    )
