"""Every stock stream of this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.background import Background
from gateway.stock.audience import Audience, Skus
from gateway.stock.feed import StockFeed
from gateway.stock.sight import Sight
from gateway.stock.watch import Watch
from gateway.streams.crowd import Crowd
from gateway.streams.stream import Stream


class StockHub:
    """One a process. `run` it in a task, beside the feed and the crowd."""

    def __init__(self, feed: StockFeed, crowd: Crowd) -> None:
        self.feed = feed
        self.crowd = crowd
        self._background = Background()
        self._audiences: dict[str, tuple[Audience, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Show the streams what is new, until cancelled."""
        await self._background.run()

    @contextmanager
    def seat(self, watch: Watch, shown: Sight, stream: Stream, skus: Skus) -> Iterator[None]:
        """Let the stream have what comes after `shown`, for the length of a block."""
        with self._audience(watch, shown) as audience:
            audience.seat(stream, skus)
            try:
                with self.crowd.presence(stream):
                    yield
            finally:
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
        audience = Audience(watch, shown, clock=self.feed.clock, writer=self.crowd.writer)
        task = self._background.start(audience.run())
        self._audiences[watch.sale_id] = (audience, task)
        return audience, task
