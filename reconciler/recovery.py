"""Brings a sale whose Redis state is unproven back: adopts it as it is, or rebuilds it.

In this order, which each earlier order failed a model checker for: a new epoch in the ledger,
which fences all older work; the fence in Redis; then only is what survived there read. The gate
opens last, by a script that demands this very fence on this very server.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from lua.record import Proof
from lua.server import Argument, Server
from lua.store import Closed, Differs, Fenced, Opened, SaleStore
from reconciler.history import build
from reconciler.parking import commit_or_park
from reconciler.rebuild import install, record_fields
from reconciler.server_facts import prove, replication_id, rewrite_log
from sql.alarms import AlarmKind, note_witnesses, raise_alarm
from sql.database import Database
from sql.ledger import Checkpoint, Contradiction, Superseded, read_checkpoint
from sql.recovery import Ending, begin_epoch, open_epoch, snapshot
from sql.sales import read_items

log = logging.getLogger(__name__)

ENTRIES_AT_ONCE: Final = 256
EPOCH_ATTEMPTS: Final = 4
# Whoever tries more often than this before it succeeds has left the same few keys each time.
MAX_EPOCHS_LEFT: Final = 64


class Abandoned(Exception):
    """Another recovery, or another server, came in between: look again from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stood in Redis when its gate was closed: no more of the record than is needed here."""

    epoch: int
    version: int
    committed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a recovery found: its own epoch and the checkpoint as it began, and what was in Redis.

    `seen` are the witnesses, by epoch; `replid` names the history that was fenced.
    """

    ledger: Checkpoint
    found: Found | None
    seen: Mapping[int, int]
    replid: str

    @property
    def epoch(self) -> int:
        """The epoch of this recovery."""
        return self.ledger.epoch

    @property
    def continues(self) -> bool:
        """Whether what stood in Redis is of the epoch that the ledger let through last."""
        return self.found is not None and self.found.epoch == self.ledger.opened

    @property
    def rolled_back(self) -> bool:
        """Whether Redis knows of more that the ledger had read than the ledger itself."""
        if self.found is None:
            return False
        known = (self.found.epoch, self.found.committed)
        return known > (self.ledger.opened, self.ledger.version)


class Recovery:
    """Recovers one sale."""

    def __init__(self, database: Database, store: SaleStore) -> None:
        self._database = database
        self._store = store
        self._server: Server = store.server
        self._sale_id = store.sale_id
        self._unfinished: set[int] = set()
        self.begun = 0

    async def run(self, why: str, *, rebuild: bool) -> str:
        """Recover; `rebuild` where what stands in Redis is known to be wrong.

        Returns how: `adopted` or `rebuilt`.

        Raises Abandoned, and the faults of both stores: then it has to be tried again.
        """
        began = time.perf_counter()
        survey = await self._close()
        log.info("sale %s: recovering under epoch %d: %s", self._sale_id, survey.epoch, why)
        await self._tell_of_rollback(survey)
        version = await self._drain(survey)
        # A rebuild needs no rewritten log: whatever an old one brings back, it stands before it.
        adoptable = not rebuild and _is_complete(survey, version) and await self._is_whole()
        outcome = "adopted" if adoptable and await rewrite_log(self._server) else "rebuilt"
        ending = Ending(
            sale_id=self._sale_id,
            epoch=survey.epoch,
            version=version,
            ended_epoch=survey.ledger.opened,
            outcome=outcome,
            why=why,
            began=began,
        )
        return await self._open(survey, ending)

    async def _is_whole(self) -> bool:
        """Whether the ledger has taken every order that it has read, now or before."""
        return not (await read_checkpoint(self._database, self._sale_id)).rebuild

    async def _close(self) -> Survey:
        """A new epoch, greater than any that was ever used, and the gate closed under it."""
        known = 0
        for _ in range(EPOCH_ATTEMPTS):
            ledger = await begin_epoch(self._database, self._sale_id, known=known)
            self.begun = ledger.epoch
            reply = await self._store.fence(ledger.epoch)
            if isinstance(reply, Fenced):
                known = reply.epoch or ledger.epoch
                continue
            found = _found(reply)
            seen = _witnesses(reply, found)
            await note_witnesses(self._database, self._sale_id, seen)
            known = max(seen, default=0)
            if known < ledger.epoch:
                return Survey(
                    ledger=ledger,
                    found=found,
                    seen=seen,
                    replid=reply.fields["fence_replid"],
                )
        raise Abandoned("no epoch is new enough")

    async def _tell_of_rollback(self, survey: Survey) -> None:
        """Before anything is drained, which would bring the ledger to where it had been."""
        if survey.found is not None and survey.rolled_back:
            ledger, found = survey.ledger, survey.found
            what = (
                f"the ledger was rolled back: it stands at version {ledger.version} of epoch "
                f"{ledger.opened}, and had read {found.committed} of epoch {found.epoch}"
            )
            await self._alarm(AlarmKind.ROLLED_BACK, what)

    async def _drain(self, survey: Survey) -> int:
        """Commit what survived of the opened epoch's stream; returns where the ledger stands."""
        version, count = survey.ledger.version, ENTRIES_AT_ONCE
        while survey.found is not None and survey.continues and version < survey.found.version:
            try:
                drained = await self._drain_some(survey, survey.found.epoch, version, count)
            except Contradiction as contradiction:
                if count == 1:
                    await self._alarm(AlarmKind.CONTRADICTED, f"what survived: {contradiction}")
                    break
                count = 1  # What stands before the entry that does not fit may fit.
                continue
            if drained == version:
                break
            version = drained
        return version

    async def _drain_some(self, survey: Survey, epoch: int, version: int, count: int) -> int:
        entries = await self._store.surviving(epoch, after=version, count=count)
        batch = build(self._sale_id, epoch=survey.epoch, began=version, entries=entries)
        batch.restores = survey.rolled_back
        try:
            if entries:
                await commit_or_park(self._database, batch)
        except Superseded as superseded:
            raise Abandoned("somebody else has moved the checkpoint") from superseded
        return batch.last

    async def _open(self, survey: Survey, ending: Ending) -> str:
        proof = await prove(self._server)
        await self._check_server(survey)
        outcome = ending.outcome
        if outcome == "rebuilt" or not await self._adopt(survey, ending, proof):
            outcome = "rebuilt"
            await self._discard_unfinished(survey)
            await self._rebuild(survey, replace(ending, outcome=outcome), proof)
        milliseconds = (time.perf_counter() - ending.began) * 1000
        log.info(
            "sale %s: %s at version %d in %.0f ms",
            self._sale_id,
            outcome,
            ending.version,
            milliseconds,
        )
        return outcome

    async def _check_server(self, survey: Survey) -> None:
        """Look before the ledger lets this epoch through: afterwards nothing can be adopted.

        The first replica that attaches after a restart gives its primary another replication id,
        often in the middle of a recovery. The scripts look again; here it costs no rebuild.
        """
        if await replication_id(self._server) != survey.replid:
            raise Abandoned("the server is another one")

    async def _adopt(self, survey: Survey, ending: Ending, proof: Proof) -> bool:
        if not await open_epoch(self._database, ending):
            raise Abandoned("somebody else has moved the checkpoint")
        items = await read_items(self._database, self._sale_id)
        reply = await self._store.adopt(
            survey.epoch,
            old_epoch=survey.ledger.opened,
            version=ending.version,
            proof=proof,
            available={item.sku: item.mirror for item in items},
        )
        match reply:
            case Opened():
                return True
            case Fenced():
                raise Abandoned("somebody else has closed the gate, or the server is another one")
            case Differs(what=what):
                await self._alarm(AlarmKind.NOT_ADOPTED, f"not adopted: {what} differs")
                return False

    async def _rebuild(self, survey: Survey, ending: Ending, proof: Proof) -> None:
        self._unfinished.add(ending.epoch)
        async with snapshot(self._database, ending) as ledger:
            if ledger is None:
                raise Abandoned("somebody else has moved the checkpoint")
            if ending.ended_epoch > 0 or ledger.lost > 0:
                await raise_alarm(
                    ledger.connection,
                    self._sale_id,
                    AlarmKind.REBUILT,
                    _rebuilt(ending, ledger.lost),
                    epochs=_left_behind(survey, ending),
                )
            installed = await install(self._store, ending.epoch, ledger)
            available = await ledger.reset_mirror(installed.active)
            fields: dict[str, Argument] = record_fields(ledger, proof, available)
        reply = await self._store.open(
            ending.epoch,
            version=ending.version,
            reservations=installed.reservations,
            customers=installed.customers,
            fields=fields,
        )
        if not isinstance(reply, Opened):
            raise Abandoned("somebody else has closed the gate, or the server is another one")
        self._unfinished.clear()

    async def _alarm(self, kind: AlarmKind, what: str) -> None:
        await raise_alarm(self._database, self._sale_id, kind, what)

    async def _discard_unfinished(self, survey: Survey) -> None:
        """Free what our own attempts have left: where memory is short, it would be missing now."""
        for epoch in self._unfinished:
            if survey.found is None or survey.found.epoch != epoch:
                await self._store.discard(epoch)
        self._unfinished.clear()


def _found(closed: Closed) -> Found | None:
    """None where there is no record, or one that was damaged."""
    try:
        return Found(
            epoch=int(closed.fields["epoch"]),
            version=int(closed.fields["version"]),
            committed=int(closed.fields["committed"]),
        )
    except (KeyError, ValueError):
        return None


def _witnesses(closed: Closed, found: Found | None) -> dict[int, int]:
    """What the refused have seen, and what stands in Redis, which somebody may have seen too."""
    seen = dict(closed.seen)
    if found is not None:
        seen[found.epoch] = max(found.version, seen.get(found.epoch, 0))
    return seen


def _is_complete(survey: Survey, version: int) -> bool:
    """Whether the ledger has read all that stood in Redis, and nobody has seen more of it."""
    if survey.found is None or not survey.continues or survey.found.version != version:
        return False
    return all(
        seen <= version for epoch, seen in survey.seen.items() if epoch >= survey.found.epoch
    )


def _left_behind(survey: Survey, ending: Ending) -> list[int]:
    """The epochs whose keys nobody reads any more: what was found, and attempts that failed."""
    begun = range(max(ending.ended_epoch, ending.epoch - MAX_EPOCHS_LEFT), ending.epoch)
    found = {survey.found.epoch} if survey.found else set()
    return sorted(found.union(begun) - {0})


def _rebuilt(ending: Ending, lost: int) -> str:
    return (
        f"epoch {ending.ended_epoch} was rebuilt from the ledger at version {ending.version} "
        f"({ending.why}); up to {lost} acknowledged changes were lost"
    )
