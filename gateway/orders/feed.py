"""Keeps what is shown of the watched reservations as new as the ledger has it.

Hints make it look; and because a hint can be lost, it looks now and then in any case. Either way
one query reads all that are to be read.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from random import SystemRandom
from typing import Final, TypeAlias
from uuid import UUID

from gateway.finder import Found
from gateway.orders.sight import Sight
from gateway.orders.watch import Watch
from gateway.representation import Reservation
from gateway.streams.frame import Frame
from gateway.streams.stream import Stream
from gateway.streams.writer import Writer
from lua import keys
from lua.faults import RedisFault
from lua.subscription import Subscription, subscribe
from sql.faults import LedgerFault

log = logging.getLogger(__name__)

# What a lost hint costs: so late a buyer learns what became of their order at the worst.
REREAD_SECONDS: Final = 3.0
# In a rush there is a hint for each batch, and each makes up to MAX_STREAMS rows be read.
SPACING_SECONDS: Final = 0.1
# Of the time; the rest is for those who pay. A reading of 10,000 rows takes some 50 ms.
LARGEST_SHARE: Final = 0.2
# A lost subscription is taken up again so soon, never by all processes at once.
RETRY_SECONDS: Final = 1.0

# Those of the reservations that the ledger has. Raises a LedgerFault.
Read: TypeAlias = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Found]]]

_random = SystemRandom()


class OrderFeed:
    """One a process. `run` it in a task."""

    def __init__(
        self, read: Read, redis_url: str, writer: Writer, *, reread_seconds: float = REREAD_SECONDS
    ) -> None:
        self._read_ledger = read
        self._redis_url = redis_url
        self._writer = writer
        self._reread_seconds = reread_seconds
        self._reread_at = 0.0
        self._watches: dict[UUID, Watch] = {}
        self._of_sale: defaultdict[str, set[Watch]] = defaultdict(set)
        self._due: set[Watch] = set()
        self._due_changed = asyncio.Event()
        self._sales_changed = asyncio.Event()
        self._is_in_trouble = False

    async def run(self) -> None:
        """Keep every watched reservation up to date, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_subscribed())
            tasks.create_task(self._keep_reading())

    @contextmanager
    def seat(self, reservation: Reservation, seen: Sight | None, stream: Stream) -> Iterator[None]:
        """Let the stream have what comes after what it has seen, for the length of a block.

        What happened since that was read, before there was anybody to hear of it, is read again.
        """
        watch = self._watch(reservation.id, reservation.sale_id)
        watch.streams.add(stream)
        if watch.shown and watch.mark > stream.seen:
            self._writer.offer(stream, watch.shown.frame(_now_ms()))
        elif seen:
            watch.shown = seen
        self._read_soon([watch])
        try:
            yield
        finally:
            watch.streams.discard(stream)
            if not watch.streams:
                self._forget(watch)

    # What is watched

    def _watch(self, id_: UUID, sale_id: str) -> Watch:
        watch = self._watches.get(id_)
        if watch is None:
            watch = self._watches[id_] = Watch(id_, sale_id)
            self._of_sale[sale_id].add(watch)
            self._sales_changed.set()
        return watch

    def _forget(self, watch: Watch) -> None:
        del self._watches[watch.id]
        self._due.discard(watch)
        watched = self._of_sale[watch.sale_id]
        watched.discard(watch)
        if not watched:
            del self._of_sale[watch.sale_id]
            self._sales_changed.set()

    # The subscription

    async def _stay_subscribed(self) -> None:
        while True:
            try:
                async with subscribe(self._redis_url, keys.orders) as subscription:
                    await self._follow(subscription)
            except* RedisFault as faults:
                log.info("hints of orders: %s; trying again", faults.exceptions[0])
            await asyncio.sleep(_jittered(RETRY_SECONDS))

    async def _follow(self, subscription: Subscription) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._choose(subscription))
            tasks.create_task(self._listen(subscription))

    async def _choose(self, subscription: Subscription) -> None:
        chosen: set[str] = set()
        while True:
            self._sales_changed.clear()
            wanted = set(self._of_sale)
            await subscription.add(wanted - chosen)
            await subscription.drop(chosen - wanted)
            chosen = wanted
            await self._sales_changed.wait()

    async def _listen(self, subscription: Subscription) -> None:
        while True:
            # The confirmation of a subscription is a reason to look as well.
            heard = await subscription.hear()
            self._read_soon(self._of_sale.get(heard.sale_id, ()))

    # The readings

    def _read_soon(self, watches: Collection[Watch]) -> None:
        self._due.update(watches)
        self._due_changed.set()

    async def _keep_reading(self) -> None:
        while True:
            due = await self._next_due()
            began = time.monotonic()
            await self._read(due)
            took = time.monotonic() - began
            await asyncio.sleep(max(SPACING_SECONDS, took * (1 / LARGEST_SHARE - 1)))

    async def _next_due(self) -> list[Watch]:
        """Whoever there may be news of; all of them, now and then."""
        while True:
            self._due_changed.clear()
            wait_seconds = self._reread_at - time.monotonic()
            if wait_seconds <= 0:
                self._reread_at = time.monotonic() + _jittered(self._reread_seconds)
                self._due.update(self._watches.values())
            if self._due:
                due, self._due = self._due, set()
                return list(due)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._reread_at - time.monotonic()):
                    await self._due_changed.wait()

    async def _read(self, due: list[Watch]) -> None:
        try:
            found = await self._read_ledger([watch.id for watch in due])
        except LedgerFault as fault:
            self._complain(fault)
            return
        # A defect met here must not end the process, which sells without the ledger.
        except Exception:
            log.exception("orders cannot be read: unforeseen")
            return
        self._is_in_trouble = False
        await self._show({watch: found[watch.id] for watch in due if watch.id in found})

    async def _show(self, found: Mapping[Watch, Found]) -> None:
        now_ms = _now_ms()
        frames: dict[Stream, Frame] = {}
        for watch, each in found.items():
            frame = watch.turn_to(Sight(found=each), now_ms)
            if frame is not None:
                frames |= dict.fromkeys(watch.streams, frame)
        offer = self._writer.offer
        await self._writer.for_each(frames, lambda stream: offer(stream, frames[stream]))

    def _complain(self, fault: LedgerFault) -> None:
        """Say it once: until it is back, what was shown stands."""
        if not self._is_in_trouble:
            log.warning("orders cannot be read: %s; trying again", fault)
        self._is_in_trouble = True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _jittered(seconds: float) -> float:
    """Up to a fifth less, so that processes which started together drift apart."""
    return seconds * _random.uniform(0.8, 1.0)
