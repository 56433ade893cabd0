"""Says "sold out" without asking Redis, once that is all there is to say.

A crowd goes on asking long after the last unit. What nothing is left of can be told here, from a
stock that Redis has confirmed a moment ago, to everybody but those who were admitted: a buyer whose
201 was lost, and who asks again, must find the reservation. So the ids of all who were admitted, up
to the version of that stock, are kept here while the crowd asks.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Final
from uuid import UUID

from gateway.admission.refusals import short_of
from gateway.admission.request import Wanted
from gateway.background import Background
from gateway.problems import Problem
from gateway.stock.feed import StockFeed, TooManySales
from gateway.stock.sight import Stock
from gateway.stock.watch import Watch
from lua.admission import Short
from lua.entry import Kind
from lua.faults import RedisFault
from lua.store import SaleStore

log = logging.getLogger(__name__)

# What came back on sale is told by Redis within milliseconds. Should that be lost, a reading finds
# it, which the second number leaves time for: nobody is told of a stock that is older.
READ_AGAIN_SECONDS: Final = 0.5
MAX_AGE_SECONDS: Final = 1.5
# After the last of the crowd, so long until it is forgotten again.
IDLE_SECONDS: Final = 10.0
# About 90 bytes each. A sale that has admitted more goes on asking Redis.
MAX_ADMITTED: Final = 200_000
ENTRIES_AT_A_TIME: Final = 256
# Different wishes whose refusal is composed once for one stock.
MAX_TOLD: Final = 512


class SoldOut:
    """One sale's; `store` is read from, on connections that no checkout waits for."""

    def __init__(self, store: SaleStore, feed: StockFeed, background: Background) -> None:
        self._store = store
        self._feed = feed
        self._background = background
        self._watch: Watch | None = None
        self._is_following = False
        self._changed = asyncio.Event()
        self._used_at = 0.0
        self._admitted: set[str] = set()
        self._epoch = 0
        self._followed = 0
        self._told: dict[Wanted, Problem | None] = {}
        self._told_of: Stock | None = None

    def notice(self, short: Short) -> None:
        """Somebody was told that there is not enough; if there is nothing, a crowd may follow."""
        if 0 not in short.available.values():
            return
        self._used_at = time.monotonic()
        if not self._is_following and self._background.is_running:
            self._is_following = True
            self._background.start(self._follow())

    def refusal(self, wanted: Wanted, reservation: UUID) -> Problem | None:
        """What to tell whoever wants this; None where only Redis can say it."""
        watch = self._watch
        if watch is None or watch.failures or watch.stock is None:
            return None
        now = time.monotonic()
        if now - watch.confirmed_at > MAX_AGE_SECONDS or not self._covers(watch.stock):
            return None
        if reservation.hex in self._admitted:
            return None
        problem = self._problem(wanted, watch.stock)
        if problem is not None:
            self._used_at = now
        return problem

    def _covers(self, stock: Stock) -> bool:
        """Whether all who were admitted before this stock are known."""
        return stock.epoch == self._epoch and stock.version <= self._followed

    def _problem(self, wanted: Wanted, stock: Stock) -> Problem | None:
        if stock is not self._told_of or len(self._told) > MAX_TOLD:
            self._told_of, self._told = stock, {}
        if stock.state_at(self._feed.clock.now_ms()) != "open":
            return None
        if wanted not in self._told:
            self._told[wanted] = _problem(wanted, stock)
        return self._told[wanted]

    # Following the sale, for as long as the crowd asks

    async def _follow(self) -> None:
        try:
            with self._feed.watch(self._store.sale_id) as watch:
                watch.listeners.add(self._changed.set)
                self._watch = watch
                while time.monotonic() - self._used_at < IDLE_SECONDS:
                    await self._catch_up(watch)
                    await self._until_due(watch)
        except (CannotFollow, RedisFault, TooManySales) as fault:
            log.debug("sale %s: asking Redis again: %s", self._store.sale_id, fault)
        # A defect met here must not end those of other sales.
        except Exception:
            log.exception("sale %s: unforeseen", self._store.sale_id)
        finally:
            self._forget()

    def _forget(self) -> None:
        if self._watch is not None:
            self._watch.listeners.discard(self._changed.set)
        self._watch, self._is_following = None, False
        self._admitted, self._epoch, self._followed = set(), 0, 0

    async def _until_due(self, watch: Watch) -> None:
        """Until something changed, or it is time to have the stock confirmed again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_AGAIN_SECONDS):
                await self._changed.wait()
        self._changed.clear()
        if time.monotonic() - watch.confirmed_at > READ_AGAIN_SECONDS:
            await self._feed.refresh(watch)

    async def _catch_up(self, watch: Watch) -> None:
        """Learn of everybody who was admitted up to the stock that is known."""
        stock = watch.stock
        if stock is None:
            await self._feed.refresh(watch)
            return
        if stock.epoch != self._epoch:
            await self._read_all(stock)
        while self._followed < stock.version:
            await self._read_on()

    async def _read_all(self, stock: Stock) -> None:
        # Whoever was admitted up to this version is there before the scan begins, and so is in it.
        self._epoch, admitted = 0, set[str]()
        async for reservation, _ in self._store.scan_reservations(stock.epoch):
            admitted.add(reservation)
            _check_count(admitted)
        self._admitted, self._epoch, self._followed = admitted, stock.epoch, stock.version

    async def _read_on(self) -> None:
        entries = await self._store.surviving(
            self._epoch, after=self._followed, count=ENTRIES_AT_A_TIME
        )
        if not entries:
            raise CannotFollow("entries are gone that were not read")
        for entry in entries:
            if entry.kind is Kind.ADMISSIONS:
                self._admitted.update(record[:32] for record in entry.body.split("\n"))
            self._followed = entry.last
        _check_count(self._admitted)


class CannotFollow(Exception):
    """What was admitted cannot be known here: Redis has to be asked again."""


def _check_count(admitted: set[str]) -> None:
    if len(admitted) > MAX_ADMITTED:
        raise CannotFollow("too many were admitted to be remembered")


def _problem(wanted: Wanted, stock: Stock) -> Problem | None:
    """The refusal, where nothing at all is left of something that is wanted."""
    available = stock.available
    short = {sku: available[sku] for sku, units in wanted if available.get(sku, units) < units}
    return short_of(short) if 0 in short.values() else None
