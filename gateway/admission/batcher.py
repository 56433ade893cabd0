"""Lets checkouts that arrive while a script call is in flight travel together in the next one.

There is no timer: a checkout that finds nobody in flight leaves at once, and under load the
batches grow by themselves to what one call of the script, and one fsync, can carry. Only while
others are in line, which must wait for their turn anyway, a call waits for some of them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final, NamedTuple, TypeAlias, assert_never

from gateway.counts import AdmissionCounts
from lua.admission import MAX_CHECKOUTS, MAX_LINES, Checkout, Decided, Outcome
from lua.faults import NothingHappened, OutcomeUnknown, ScriptFault
from lua.store import Behind, OtherEpoch, SaleStore, Unproven
from lua.terms import Terms

log = logging.getLogger(__name__)

# While one batch waits for its fsync, the next one is on its way.
CALLS_IN_FLIGHT: Final = 2
# So many are worth a call while more are in line; and so many rounds of the event loop are waited
# for them, each of which lets a few join.
WORTH_A_CALL: Final = 64
GATHERING_ROUNDS: Final = 16
# At 20,000 a second this is a second of waiting, which is as long as a buyer should be left.
MAX_WAITING: Final = 20_000
# Of the deadline: who would wait longer in line is turned away at once, not at its end. The rest
# is for the call, and for the ledger where that is waited for.
LONGEST_LINE_SHARE: Final = 0.5
# Of the newest call in what is known of their length: some ten calls, or a tenth of a second.
NEWEST_SHARE: Final = 0.1
RETRY_SECONDS: Final = 0.05


class Answered(NamedTuple):
    """The script decided; `call` has what all who were decided with it have in common."""

    outcome: Outcome
    call: Decided


@dataclass(frozen=True, slots=True)
class NotVerified:
    """Nothing happened: the stock is not proven, or Redis does not answer."""


@dataclass(frozen=True, slots=True)
class Overloaded:
    """Nothing happened: too many are waiting."""


@dataclass(frozen=True, slots=True)
class Undetermined:
    """The call was sent and no answer came in time: it may have been admitted."""


Verdict: TypeAlias = Answered | NotVerified | Overloaded | Undetermined


Tell: TypeAlias = Callable[[Verdict], None]


@dataclass(slots=True)
class Waiting:
    """A checkout that nobody has decided yet; `tell` is called once, and must not raise."""

    record: str
    terms: Terms | None
    lines: int
    # On the clock of the event loop: whoever has waited that long is sent no more.
    until: float
    tell: Tell
    is_told: bool = False

    def answer(self, verdict: Verdict) -> None:
        """Tell the verdict, unless there was one before."""
        if not self.is_told:
            self.is_told = True
            self.tell(verdict)


class Batcher:
    """Sends the checkouts of one sale, in the order of their arrival.

    `nobody_comes` tells that no others are in line who may join.
    """

    def __init__(
        self,
        store: SaleStore,
        tasks: asyncio.TaskGroup,
        counts: AdmissionCounts,
        *,
        nobody_comes: Callable[[], bool] = lambda: True,
        deadline_seconds: float,
    ) -> None:
        self.epoch = 0
        self._witness = 0
        self._store = store
        self._tasks = tasks
        self._counts = counts
        self._nobody_comes = nobody_comes
        self._deadline_seconds = deadline_seconds
        self._waiting: deque[Waiting] = deque()
        self._in_flight = 0
        self._replicas = 0
        self._call_seconds = 0.0
        self._loop = asyncio.get_running_loop()

    async def decide(
        self, checkout: Checkout, lines: int, *, replicas: int = 0, waited_seconds: float = 0.0
    ) -> Verdict:
        """The verdict on a checkout that has so many lines."""
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self.add(
            checkout,
            lines,
            partial(_resolve, verdict),
            replicas=replicas,
            waited_seconds=waited_seconds,
        )
        return await verdict

    def add(
        self,
        checkout: Checkout,
        lines: int,
        tell: Tell,
        *,
        replicas: int = 0,
        waited_seconds: float = 0.0,
    ) -> None:
        """Have the verdict told as soon as there is one, which may be at once.

        All checkouts of a sale are at one level, so the last one's `replicas` go for its batch.
        What it has waited elsewhere is part of its deadline.
        """
        if self._is_too_long():
            tell(Overloaded())
            return
        self._replicas = replicas
        until = self._loop.time() + self._deadline_seconds - waited_seconds
        self._waiting.append(Waiting(checkout.encode(), checkout.terms, lines, until, tell))
        self._counts.waiting += 1
        self._send()

    def _is_too_long(self) -> bool:
        """Whether the line is so long that whoever joined it now would come too late."""
        ahead = len(self._waiting)
        if ahead < MAX_CHECKOUTS:
            return False
        calls = ahead / (MAX_CHECKOUTS * CALLS_IN_FLIGHT)
        bound = self._deadline_seconds * LONGEST_LINE_SHARE
        return ahead >= MAX_WAITING or calls * self._call_seconds > bound

    def learn(self, epoch: int) -> None:
        """Take note of an epoch; one that is older than the known one is old news."""
        if epoch > self.epoch:
            self.epoch, self._witness = epoch, 0

    def _send(self) -> None:
        # The batch is cut when its task starts, so that all who arrive in one turn of the event
        # loop leave together.
        if self._waiting and self._in_flight < CALLS_IN_FLIGHT:
            self._in_flight += 1
            self._counts.in_flight += 1
            self._tasks.create_task(self._send_batch())

    async def _send_batch(self) -> None:
        batch: list[Waiting] = []
        try:
            await self._gather()
            batch = self._cut()
            if batch:
                await self._settle(batch)
        # A defect met in one batch must not end the group that all batches run in.
        except Exception:
            log.exception("sale %s: unforeseen", self._store.sale_id)
        finally:
            self._in_flight -= 1
            self._counts.in_flight -= 1
            _answer_rest(batch)
            self._send()

    async def _gather(self) -> None:
        for _ in range(GATHERING_ROUNDS):
            if len(self._waiting) >= WORTH_A_CALL or self._nobody_comes():
                break
            await asyncio.sleep(0)

    def _cut(self) -> list[Waiting]:
        self._refuse_late()
        batch: list[Waiting] = []
        lines = 0
        while self._waiting and len(batch) < MAX_CHECKOUTS:
            lines += self._waiting[0].lines
            if batch and lines > MAX_LINES:
                break
            batch.append(self._waiting.popleft())
        self._counts.waiting -= len(batch)
        return batch

    def _refuse_late(self) -> None:
        """Refuse those whose deadline passed while they waited, as they do for a Redis that hangs.

        Their buyers have given up, or are about to: what was taken for them now, nobody would buy.
        """
        now = asyncio.get_running_loop().time()
        late: list[Waiting] = []
        while self._waiting and self._waiting[0].until < now:
            late.append(self._waiting.popleft())
        self._counts.waiting -= len(late)
        _answer(late, Overloaded())

    def _note_call(self, seconds: float) -> None:
        self._call_seconds += NEWEST_SHARE * (seconds - self._call_seconds)

    async def _settle(self, batch: list[Waiting]) -> None:
        reply = await self._decide_in_time(batch)
        if not isinstance(reply, Decided):
            _answer(batch, reply)
            return
        for each, outcome in zip(batch, reply.outcomes, strict=True):
            each.answer(Answered(outcome, reply))

    async def _decide_in_time(self, batch: list[Waiting]) -> "Decided | NotVerified | Undetermined":
        """Ask until there is an answer; only a call whose fate is unknown is worth a repetition.

        The ids are in the records, so that a repetition finds what an earlier one did.
        """
        sent: NotVerified | Undetermined = NotVerified()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._deadline_seconds
        while True:
            try:
                reply = await self._call(batch)
            except NothingHappened:
                reply = None
            except (OutcomeUnknown, ScriptFault) as fault:
                log.warning("sale %s: %s: %s", self._store.sale_id, type(fault).__name__, fault)
                reply, sent = None, Undetermined()
            if reply is not None:
                return reply
            # At the deadline and not after it: uvloop's clock stands still for a turn of the loop.
            if isinstance(sent, NotVerified) or loop.time() >= deadline:
                return sent
            await asyncio.sleep(RETRY_SECONDS)

    async def _call(self, batch: list[Waiting]) -> Decided | None:
        """One call, and another one where the epoch had moved. None: refused."""
        records = [each.record for each in batch]
        terms = {place: each.terms for place, each in enumerate(batch) if each.terms is not None}
        while True:
            epoch = self.epoch
            began = perf_counter()
            try:
                reply = await self._store.admit(
                    epoch, self._witness, records, terms=terms, replicas=self._replicas
                )
            finally:
                self._counts.called(len(records), began=began)
                self._note_call(perf_counter() - began)
            match reply:
                case Decided(version=version):
                    if epoch == self.epoch:
                        self._witness = max(self._witness, version)
                    return reply
                case OtherEpoch(epoch=other) if other > epoch:
                    self.learn(other)
                case OtherEpoch() | Unproven() | Behind():
                    return None
                case _ as never:
                    assert_never(never)


def _resolve(verdict: "asyncio.Future[Verdict]", told: Verdict) -> None:
    if not verdict.done():
        verdict.set_result(told)


def _answer(batch: list[Waiting], verdict: Verdict) -> None:
    for each in batch:
        each.answer(verdict)


def _answer_rest(batch: list[Waiting]) -> None:
    """Whoever was not answered, because the process stops or a defect was met, may be admitted."""
    _answer(batch, Undetermined())
