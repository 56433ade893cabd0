"""Those who watch one sale in this process, and when they are shown something new."""

import asyncio
import time
from contextlib import suppress
from typing import Final, TypeAlias

from gateway.stock import event
from gateway.stock.clock import RedisClock
from gateway.stock.sight import Sight
from gateway.stock.watch import Watch
from gateway.streams.frame import Frame
from gateway.streams.stream import Stream
from gateway.streams.writer import Writer

# At most 20 events a second and sale: faster than anybody reads.
SWEEP_SPACING_SECONDS: Final = 0.05
# Nothing is waited for longer at a time, however far away the opening is.
LONGEST_WAIT_SECONDS: Final = 3600.0

# The items that a client asked for; none named means all.
Skus: TypeAlias = frozenset[str]


class View:
    """Those who asked for the same items: what they are shown is encoded once."""

    def __init__(self, skus: Skus, shown: Sight) -> None:
        self.skus = skus
        self.streams: set[Stream] = set()
        self._shown = shown

    def turn_to(self, sight: Sight) -> Frame | None:
        """The event for these items; None where nothing of them is new."""
        if not self._is_news(sight):
            return None
        self._shown = sight
        return event.change(sight, self.skus)

    def _is_news(self, sight: Sight) -> bool:
        shown = self._shown
        if not self.skus:
            return sight.mark > shown.mark
        if (sight.stock.epoch, sight.state) != (shown.stock.epoch, shown.state):
            return True
        return sight.items(self.skus) != shown.items(self.skus)


class Audience:
    """The views of one sale. A state is shown, not a queue of events: always the newest one.

    So a sweep over the streams shows at once whatever happened since the last, and the only
    question is when it begins.
    """

    def __init__(self, watch: Watch, shown: Sight, *, clock: RedisClock, writer: Writer) -> None:
        self.views: dict[Skus, View] = {}
        self._watch = watch
        self._shown = shown
        self._shown_at = time.monotonic()
        self._clock = clock
        self._writer = writer
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Show what is new when it is due, until cancelled."""
        self._watch.listeners.add(self._changed.set)
        try:
            while True:
                await self._until_due()
                await self._sweep()
        finally:
            self._watch.listeners.discard(self._changed.set)

    def seat(self, stream: Stream, skus: Skus) -> None:
        """Let the stream have every change of these items from what it has seen."""
        view = self.views.setdefault(skus, View(skus, self._shown))
        view.streams.add(stream)
        sight = self._look()
        if sight.mark > stream.seen:
            self._writer.offer(stream, event.change(sight, skus))

    def leave(self, stream: Stream, skus: Skus) -> None:
        """The stream is gone."""
        view = self.views[skus]
        view.streams.discard(stream)
        if not view.streams:
            del self.views[skus]

    def _look(self) -> Sight:
        stock = self._watch.stock or self._shown.stock
        return stock.at(self._clock.now_ms())

    async def _sweep(self) -> None:
        self._shown = self._look()
        self._shown_at = time.monotonic()
        for view in tuple(self.views.values()):
            frame = view.turn_to(self._shown)
            if frame is not None:
                await self._writer.show(view.streams, frame)

    async def _until_due(self) -> None:
        while (wait_seconds := self._wait_seconds()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._changed.wait()
            self._changed.clear()

    def _wait_seconds(self) -> float:
        sight = self._look()
        if sight.mark <= self._shown.mark:
            return min(sight.seconds_to_turn, LONGEST_WAIT_SECONDS)
        if sight.is_urgent_after(self._shown):
            return 0.0
        due_at = max(self._shown_at + SWEEP_SPACING_SECONDS, self._writer.rested_at)
        return min(due_at - time.monotonic(), sight.seconds_to_turn)
