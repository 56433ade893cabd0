"""Every stock stream of this process."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import SystemRandom
from typing import Final

from gateway.stock import event
from gateway.stock.audience import Audience, Skus
from gateway.stock.event import AFTER_BYE
from gateway.stock.feed import StockFeed
from gateway.stock.sight import Sight
from gateway.stock.stream import Stream
from gateway.stock.watch import Watch
from gateway.stock.writer import Writer

# Well below the minute after which proxies give up on a quiet response.
HEARTBEAT_SECONDS: Final = 15.0
# Clients move on to processes that were added since, and whatever leaks is bounded.
MAX_AGE_SECONDS: Final = 900.0

_random = SystemRandom()


class TooManyStreams(Exception):
    """This process has no room for another stream, or is about to stop."""


class StockHub:
    """One a process. `run` it in a task, beside the feed; `drain` it when the process stops."""

    def __init__(
        self,
        feed: StockFeed,
        *,
        max_streams: int,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        max_age_seconds: float = MAX_AGE_SECONDS,
    ) -> None:
        self.feed = feed
        self.writer = Writer()
        self.places_taken = 0
        self._max_streams = max_streams
        self._heartbeat_seconds = heartbeat_seconds
        self._max_age_seconds = max_age_seconds
        self._is_draining = False
        self._tasks = asyncio.TaskGroup()
        self._audiences: dict[str, tuple[Audience, asyncio.Task[None]]] = {}
        self._streams: set[Stream] = set()

    async def run(self) -> None:
        """Write to the streams, until cancelled."""
        async with self._tasks:
            self._tasks.create_task(self.writer.run())
            self._tasks.create_task(self._keep_alive())

    def drain(self) -> None:
        """Say good-bye to every stream, and take no more: the process is about to stop."""
        self._is_draining = True
        for stream in tuple(self._streams):
            self._say_bye(stream)
            if not stream.ended:
                stream.abort()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Have one of the places for streams. Raises TooManyStreams."""
        if self._is_draining or self.places_taken >= self._max_streams:
            raise TooManyStreams
        self.places_taken += 1
        try:
            yield
        finally:
            self.places_taken -= 1

    def expiry(self) -> float:
        """When a stream that begins now has to end, on the monotonic clock."""
        return time.monotonic() + self._max_age_seconds * _random.uniform(0.8, 1.2)

    @contextmanager
    def seat(self, watch: Watch, shown: Sight, stream: Stream, skus: Skus) -> Iterator[None]:
        """Let the stream have what comes after `shown`, for the length of a block."""
        with self._audience(watch, shown) as audience:
            audience.seat(stream, skus)
            self._streams.add(stream)
            if self._is_draining:
                self._say_bye(stream)
            try:
                yield
            finally:
                self._streams.discard(stream)
                self.writer.forget(stream)
                audience.leave(stream, skus)

    @contextmanager
    def _audience(self, watch: Watch, shown: Sight) -> Iterator[Audience]:
        audience, task = self._audiences.get(watch.sale_id) or self._gather(watch, shown)
        try:
            yield audience
        finally:
            if not audience.views:
                del self._audiences[watch.sale_id]
                task.cancel()

    def _gather(self, watch: Watch, shown: Sight) -> tuple[Audience, asyncio.Task[None]]:
        audience = Audience(watch, shown, clock=self.feed.clock, writer=self.writer)
        task = self._tasks.create_task(audience.run())
        self._audiences[watch.sale_id] = (audience, task)
        return audience, task

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            heartbeat = event.heartbeat(self.feed.clock.now_ms())
            await self.writer.for_each(self._streams, partial(self._beat, heartbeat))

    def _beat(self, heartbeat: bytes, stream: Stream) -> None:
        if time.monotonic() >= stream.expires_at:
            self._say_bye(stream)
        elif stream.owed is None:
            stream.write(heartbeat)

    def _say_bye(self, stream: Stream) -> None:
        stream.end(AFTER_BYE.line() + event.bye(self.feed.clock.now_ms()))
