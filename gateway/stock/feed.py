"""Keeps the stock of the watched sales as new as Redis has it.

Announcements are hints: Redis drops them whenever a connection breaks or a buffer is full. So one
is believed only where its number follows; anything else leads to reading the record again, and so
do a new subscription, and time.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from random import SystemRandom
from typing import Final

from gateway.stock.clock import RedisClock
from gateway.stock.sight import of_record
from gateway.stock.watch import Watch
from lua.faults import RedisFault
from lua.record import Record
from lua.replies import UnexpectedReply
from lua.server import Server
from lua.store import SaleStore
from lua.subscription import Announced, Subscription, subscribe

log = logging.getLogger(__name__)

# How old a lost announcement can make the stock that we show.
REREAD_SECONDS: Final = 5.0
# Whatever is announced, a sale is not read more often than this.
REREAD_SPACING_SECONDS: Final = 0.02
# Redis is asked again after a fault: soon first, then at ease, never all processes at once.
FIRST_RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 2.0
# A caller who needs a new reading waits no longer for it than this.
PATIENCE_SECONDS: Final = 1.0
# Readers come and go; a sale is forgotten only when none was there for so long.
LINGER_SECONDS: Final = 60.0
# Each costs a reading every few seconds.
MAX_SALES: Final = 1024

_random = SystemRandom()


class TooManySales(Exception):
    """This process watches MAX_SALES sales already, all of them for somebody."""


class StockFeed:
    """One subscription a process, for all the sales that somebody watches. `run` it in a task."""

    def __init__(
        self, server: Server, redis_url: str, *, reread_seconds: float = REREAD_SECONDS
    ) -> None:
        self.clock = RedisClock()
        self.server = server
        self._redis_url = redis_url
        self._reread_seconds = reread_seconds
        self._watches: dict[str, Watch] = {}
        self._sales_changed = asyncio.Event()
        self._due_changed = asyncio.Event()
        self._lost_subscriptions = 0

    async def run(self) -> None:
        """Keep every watched sale up to date, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_subscribed())
            tasks.create_task(self._keep_reading())

    @contextmanager
    def watch(self, sale_id: str) -> Iterator[Watch]:
        """Have the sale watched for the length of a block. Raises TooManySales."""
        watch = self._watches.get(sale_id) or self._begin(sale_id)
        watch.holders += 1
        try:
            yield watch
        finally:
            watch.holders -= 1
            watch.left_at = time.monotonic()

    def knows(self, sale_id: str) -> bool:
        """Whether there is such a sale, as far as this process can tell without asking."""
        watch = self._watches.get(sale_id)
        return watch is not None and watch.stock is not None

    async def refresh(self, watch: Watch) -> None:
        """Wait for a reading that begins after this call, but not longer than PATIENCE_SECONDS.

        While Redis is in trouble nobody waits: what is known is all that can be had.
        """
        if watch.failures:
            return
        reading = watch.reading
        self._read_soon(watch)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await reading.wait()

    # What is watched

    def _begin(self, sale_id: str) -> Watch:
        self._make_room()
        watch = self._watches[sale_id] = Watch(sale_id)
        self._sales_changed.set()
        self._due_changed.set()
        return watch

    def _make_room(self) -> None:
        if len(self._watches) < MAX_SALES:
            return
        idle = [watch for watch in self._watches.values() if not watch.holders]
        if not idle:
            raise TooManySales
        self._forget(min(idle, key=attrgetter("left_at")))

    def _forget(self, watch: Watch) -> None:
        del self._watches[watch.sale_id]
        self._sales_changed.set()

    # The subscription

    async def _stay_subscribed(self) -> None:
        while True:
            try:
                async with subscribe(self._redis_url) as subscription:
                    await self._follow(subscription)
            except* RedisFault as faults:
                log.warning("stock announcements: %s; trying again", faults.exceptions[0])
            self._lost_subscriptions += 1
            await asyncio.sleep(_retry_seconds(self._lost_subscriptions))

    async def _follow(self, subscription: Subscription) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._choose(subscription))
            tasks.create_task(self._listen(subscription))

    async def _choose(self, subscription: Subscription) -> None:
        chosen: set[str] = set()
        while True:
            self._sales_changed.clear()
            wanted = set(self._watches)
            await subscription.add(wanted - chosen)
            await subscription.drop(chosen - wanted)
            chosen = wanted
            await self._sales_changed.wait()

    async def _listen(self, subscription: Subscription) -> None:
        while True:
            heard = await subscription.hear()
            self._lost_subscriptions = 0
            watch = self._watches.get(heard.sale_id)
            if watch is None:
                continue
            # What has no announcement in it is the confirmation of a subscription.
            if not (isinstance(heard, Announced) and watch.hear(heard.announcement)):
                self._read_soon(watch)

    # The readings

    async def _keep_reading(self) -> None:
        while True:
            watch = await self._next_due()
            if self._is_idle(watch):
                self._forget(watch)
            else:
                await self._read(watch)

    async def _next_due(self) -> Watch:
        while True:
            self._due_changed.clear()
            watch = min(self._watches.values(), key=attrgetter("due_at"), default=None)
            if watch is None:
                await self._due_changed.wait()
            elif (wait_seconds := watch.due_at - time.monotonic()) <= 0:
                return watch
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_seconds):
                        await self._due_changed.wait()

    def _is_idle(self, watch: Watch) -> bool:
        # A sale that was never found is not worth another reading once nobody waits for it.
        linger_seconds = LINGER_SECONDS if watch.stock else 0.0
        return not watch.holders and time.monotonic() - watch.left_at >= linger_seconds

    def _read_soon(self, watch: Watch) -> None:
        watch.due_at = min(watch.due_at, watch.read_at + REREAD_SPACING_SECONDS)
        self._due_changed.set()

    async def _read(self, watch: Watch) -> None:
        ended = watch.begin()
        # Whoever asks for a reading from here on needs another one: this one may be too early.
        watch.due_at = watch.read_at + _jittered(self._reread_seconds)
        try:
            self._learn(watch, await SaleStore(self.server, watch.sale_id).read())
        except (RedisFault, UnexpectedReply, LookupError, ValueError) as error:
            # The last three are a record that another release wrote, or a person. It must not
            # stop the feed of the other sales.
            watch.fail(f"{type(error).__name__}: {error}")
        if watch.failures:
            watch.due_at = min(watch.due_at, watch.read_at + _retry_seconds(watch.failures))
        ended.set()
        watch.tell()

    def _learn(self, watch: Watch, record: Record | None) -> None:
        if record is None:
            watch.fail("there is no record")
            return
        self.clock.learn(record.now_ms)
        if record.proven:
            watch.learn(of_record(watch.sale_id, record), record.now_ms)
        else:
            watch.fail("the record is not proven on this server")


def _retry_seconds(failures: int) -> float:
    return _jittered(min(FIRST_RETRY_SECONDS * 2 ** min(failures, 10), LONGEST_RETRY_SECONDS))


def _jittered(seconds: float) -> float:
    """Up to a fifth more or less, so that processes which started together drift apart."""
    return seconds * _random.uniform(0.8, 1.2)
