"""Every stream of this process, whatever it shows: how many, for how long, and how they end."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import SystemRandom
from typing import Final

from gateway.streams import frame
from gateway.streams.frame import AFTER_BYE
from gateway.streams.stream import Stream
from gateway.streams.writer import Writer

# Well below the minute after which proxies give up on a quiet response.
HEARTBEAT_SECONDS: Final = 15.0
# Clients move on to processes that were added since, and whatever leaks is bounded.
MAX_AGE_SECONDS: Final = 900.0

_random = SystemRandom()


class TooManyStreams(Exception):
    """This process has no room for another stream, or is about to stop."""


class Crowd:
    """One a process. `run` it in a task; `drain` it when the process stops."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        max_streams: int,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        max_age_seconds: float = MAX_AGE_SECONDS,
    ) -> None:
        self.writer = Writer()
        self.places_taken = 0
        self._now_ms = now_ms
        self.max_streams = max_streams
        self._heartbeat_seconds = heartbeat_seconds
        self._max_age_seconds = max_age_seconds
        self._is_draining = False
        self._streams: set[Stream] = set()

    async def run(self) -> None:
        """Keep the streams alive, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.writer.run())
            tasks.create_task(self._keep_alive())

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
        if self._is_draining or self.places_taken >= self.max_streams:
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
    def presence(self, stream: Stream) -> Iterator[None]:
        """Keep the stream alive for the length of a block, and let it know when we stop."""
        self._streams.add(stream)
        if self._is_draining:
            self._say_bye(stream)
        try:
            yield
        finally:
            self._streams.discard(stream)
            self.writer.forget(stream)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            heartbeat = frame.heartbeat(self._now_ms())
            await self.writer.for_each(self._streams, partial(self._beat, heartbeat))

    def _beat(self, heartbeat: bytes, stream: Stream) -> None:
        if time.monotonic() >= stream.expires_at:
            self._say_bye(stream)
        elif stream.owed is None:
            stream.write(heartbeat)

    def _say_bye(self, stream: Stream) -> None:
        stream.end(AFTER_BYE.line() + frame.bye(self._now_ms()))
