"""Brings a sale whose Redis state is unproven back: adopts it as it is, or rebuilds it.

In this order, which each earlier order failed a model checker for: a new epoch in the ledger,
which fences all older work; the fence in Redis; then only is what survived there read. The gate
opens last, by a script that demands this very fence on this very server.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lua.record import Proof, Record, parse
from lua.server import Argument, Server
from lua.store import Closed, Differs, Fenced, Opened, SaleStore
from reconciler.history import Hold, build
from reconciler.rebuild import install, record_fields
from reconciler.server_facts import prove, rewrite_log
from sql.alarms import note_recovery, note_witnesses, raise_alarm
from sql.database import Database
from sql.ledger import Checkpoint, Contradiction, Superseded, commit, read_checkpoint
from sql.recovery import begin_epoch, open_epoch, snapshot
from sql.sales import read_items

log = logging.getLogger(__name__)

ENTRIES_AT_ONCE: Final = 256
EPOCH_ATTEMPTS: Final = 4


class Abandoned(Exception):
    """Another recovery, or another server, came in between: look again from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a recovery found: its own epoch, the checkpoint before, and what stood in Redis."""

    epoch: int
    before: Checkpoint
    record: Record | None
    seen: Mapping[int, int]


class Recovery:
    """Recovers one sale."""

    def __init__(self, database: Database, store: SaleStore, *, hold_seconds: int) -> None:
        self._database = database
        self._store = store
        self._server: Server = store.server
        self._sale_id = store.sale_id
        self._hold_seconds = hold_seconds

    async def run(self, why: str, *, rebuild: bool) -> None:
        """Recover; `rebuild` where what stands in Redis is known to be wrong.

        Raises Abandoned, and the faults of both stores: then it has to be tried again.
        """
        began = time.perf_counter()
        survey = await self._close()
        log.info("sale %s: recovering under epoch %d: %s", self._sale_id, survey.epoch, why)
        rewritten = survey.record is None or await rewrite_log(self._server)
        version = await self._drain(survey)
        adoptable = not rebuild and rewritten and self._complete(survey, version)
        outcome = await self._open(survey, version, adoptable=adoptable)
        milliseconds = (time.perf_counter() - began) * 1000
        await self._report(survey, version, outcome, why, milliseconds)

    async def _close(self) -> Survey:
        """A new epoch, greater than any that was ever used, and the gate closed under it."""
        before = await read_checkpoint(self._database, self._sale_id)
        known = 0
        for _ in range(EPOCH_ATTEMPTS):
            epoch = (await begin_epoch(self._database, self._sale_id, known=known)).epoch
            reply = await self._store.fence(epoch)
            if isinstance(reply, Fenced):
                known = reply.epoch or epoch
                continue
            await note_witnesses(self._database, self._sale_id, reply.seen)
            known = max([int(reply.fields.get("epoch", 0)), *reply.seen])
            if known < epoch:
                return _survey(epoch, before, reply)
        raise Abandoned

    async def _drain(self, survey: Survey) -> int:
        """Commit what survived of the opened epoch's stream; returns where the ledger stands."""
        checkpoint = await read_checkpoint(self._database, self._sale_id)
        if checkpoint.epoch != survey.epoch:
            raise Abandoned
        version, record = checkpoint.version, survey.record
        if record is None or record.epoch != survey.before.opened:
            return version
        try:
            while version < record.version:
                drained = await self._drain_some(survey.epoch, record, version)
                if drained == version:
                    break
                version = drained
        except Contradiction as contradiction:
            await raise_alarm(self._database, self._sale_id, f"what survived: {contradiction}")
        return (await read_checkpoint(self._database, self._sale_id)).version

    async def _drain_some(self, epoch: int, record: Record, version: int) -> int:
        entries = await self._store.surviving(record.epoch, after=version, count=ENTRIES_AT_ONCE)
        if not entries:
            return version
        hold = Hold(seconds=self._hold_seconds, now_ms=record.now_ms)
        batch = build(self._sale_id, epoch=epoch, began=version, entries=entries, hold=hold)
        try:
            await commit(self._database, batch)
        except Superseded as superseded:
            raise Abandoned from superseded
        return batch.last

    def _complete(self, survey: Survey, version: int) -> bool:
        """Whether the ledger has read all that the record says, and nobody saw more."""
        record = survey.record
        if record is None or record.epoch != survey.before.opened:
            return False
        return record.version == version and survey.seen.get(record.epoch, 0) <= version

    async def _open(self, survey: Survey, version: int, *, adoptable: bool) -> str:
        proof = await prove(self._server)
        if adoptable and await self._adopt(survey, version, proof):
            return "adopted"
        await self._rebuild(survey.epoch, version, proof)
        return "rebuilt"

    async def _adopt(self, survey: Survey, version: int, proof: Proof) -> bool:
        if not await open_epoch(self._database, self._sale_id, survey.epoch, version):
            raise Abandoned
        items = await read_items(self._database, self._sale_id)
        reply = await self._store.adopt(
            survey.epoch,
            old_epoch=survey.before.opened,
            version=version,
            proof=proof,
            available={item.sku: item.mirror for item in items},
        )
        match reply:
            case Opened():
                return True
            case Fenced():
                raise Abandoned
            case Differs(what=what):
                await raise_alarm(self._database, self._sale_id, f"not adopted: {what} differs")
                return False

    async def _rebuild(self, epoch: int, version: int, proof: Proof) -> None:
        async with snapshot(self._database, self._sale_id, epoch, version) as ledger:
            if ledger is None:
                raise Abandoned
            installed = await install(self._store, epoch, ledger)
            fields: dict[str, Argument] = record_fields(ledger, proof)
        reply = await self._store.open(
            epoch,
            version=version,
            reservations=installed.reservations,
            customers=installed.customers,
            fields=fields,
        )
        if not isinstance(reply, Opened):
            raise Abandoned

    async def _report(
        self, survey: Survey, version: int, outcome: str, why: str, milliseconds: float
    ) -> None:
        ended = survey.before.opened
        await note_recovery(
            self._database,
            self._sale_id,
            epoch=survey.epoch,
            outcome=outcome,
            why=why,
            version=version,
            ended_epoch=ended,
            milliseconds=milliseconds,
        )
        log.info(
            "sale %s: %s at version %d in %.0f ms", self._sale_id, outcome, version, milliseconds
        )
        if outcome == "rebuilt" and ended > 0:
            lost = max(survey.seen.get(ended, 0) - version, 0)
            await raise_alarm(
                self._database,
                self._sale_id,
                f"epoch {ended} was rebuilt from the ledger ({why}); "
                f"up to {lost} acknowledged changes were lost",
            )


def _survey(epoch: int, before: Checkpoint, closed: Closed) -> Survey:
    record = parse(closed.fields, proven=False, now_ms=int(time.time() * 1000))
    return Survey(epoch=epoch, before=before, record=record, seen=closed.seen)
