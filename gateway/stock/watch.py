"""One watched sale: what is known of it, and from when."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf

from gateway.stock.sight import Stock
from lua.announcement import Announcement

log = logging.getLogger(__name__)


class Watch:
    """What the feed knows of a sale. Everybody may read it; only the feed writes."""

    def __init__(self, sale_id: str) -> None:
        self.sale_id = sale_id
        self.stock: Stock | None = None
        # When Redis last confirmed it, on this machine's monotonic clock.
        self.confirmed_at = -inf
        # Called after every reading and every announcement; they look for themselves what is new.
        self.listeners: set[Callable[[], None]] = set()
        self.holders = 0
        self.left_at = -inf
        self.due_at = 0.0
        self.read_at = -inf
        # Set when the next reading to begin has ended.
        self.reading = asyncio.Event()
        self.failures = 0
        self._trouble: str | None = None
        self._confirmed_at_ms = 0
        self._known_before: Stock | None = None

    def tell(self) -> None:
        """Call the listeners."""
        for listener in tuple(self.listeners):
            listener()

    def hear(self, announcement: Announcement | None) -> bool:
        """Take in what was announced; False where only a reading can tell what it means."""
        if self.stock is None or announcement is None:
            return False
        if self.stock.contains(announcement):
            return True
        # Redis confirmed an older version then, so the announced one was not there yet.
        newer = self.stock.after(announcement, since_ms=self._confirmed_at_ms)
        if newer is None:
            return False
        self.stock = newer
        self.tell()
        return True

    def begin(self) -> asyncio.Event:
        """A reading begins; returns what to set when it has ended."""
        self.read_at = time.monotonic()
        self._known_before = self.stock
        ended, self.reading = self.reading, asyncio.Event()
        return ended

    def learn(self, stock: Stock, now_ms: int) -> None:
        """Take in what the proven record held at `now_ms` on the Redis clock."""
        if _is_behind(stock, self._known_before):
            return self.fail(f"Redis is at {stock.epoch}-{stock.version}, behind what it told us")
        # An announcement may have overtaken the reading; it built on what is confirmed now.
        if not _is_behind(stock, self.stock):
            self.stock = replace(stock, since_ms=self._since_ms(stock))
        self._confirmed_at_ms = now_ms
        self.confirmed_at = self.read_at
        return self._recover()

    def fail(self, trouble: str) -> None:
        """The reading was of no use; what was known before still stands."""
        if trouble != self._trouble:
            # Whoever asks for sales that do not exist must not fill the log with warnings.
            level = logging.WARNING if self.stock else logging.INFO
            log.log(level, "stock of %s: %s; trying again", self.sale_id, trouble)
        self._trouble = trouble
        self.failures += 1

    def _since_ms(self, stock: Stock) -> int:
        known = self.stock
        if known is None:
            return 0
        is_same = (known.epoch, known.version) == (stock.epoch, stock.version)
        return known.since_ms if is_same else self._confirmed_at_ms

    def _recover(self) -> None:
        if self._trouble is not None:
            log.info("stock of %s: read again", self.sale_id)
        self._trouble = None
        self.failures = 0


def _is_behind(stock: Stock, other: Stock | None) -> bool:
    return other is not None and (stock.epoch, stock.version) < (other.epoch, other.version)
