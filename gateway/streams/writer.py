"""Writes to thousands of streams without keeping a checkout waiting."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from gateway.streams.frame import Frame
from gateway.streams.stream import Stream

# Checkouts share this worker, and get their turn between so many streams: about 2 to 3 ms of work.
STREAMS_AT_A_TIME: Final = 128
# Of the worker's time, what is theirs however many check out; and as much more as those leave of
# this, so that streams are late only where there is a rush.
SHARE_IN_A_RUSH: Final = 0.2
SHARE_WITH_OTHERS: Final = 0.7
# How soon a client whose connection was full is tried again, and when it is given up.
CATCH_UP_SECONDS: Final = 0.25
EVICT_SECONDS: Final = 30.0


class Writer:
    """One a process; counts what it does. `run` it in a task."""

    def __init__(self) -> None:
        self.written = 0
        self.skipped = 0
        self.evicted = 0
        # Until then the worker belongs to others, if nothing is urgent (monotonic clock).
        self.rested_at = 0.0
        self._behind: set[Stream] = set()
        self._anyone_behind = asyncio.Event()

    async def run(self) -> None:
        """Let those who are behind catch up, until cancelled."""
        while True:
            await self._anyone_behind.wait()
            await asyncio.sleep(CATCH_UP_SECONDS)
            await self.for_each(self._behind, self._try_again)
            if not self._behind:
                self._anyone_behind.clear()

    async def show(self, streams: Iterable[Stream], frame: Frame) -> None:
        """Write the frame to all of them; who cannot take it now is owed it, or a newer one."""
        await self.for_each(streams, lambda stream: self.offer(stream, frame))

    async def for_each(self, streams: Iterable[Stream], act: Callable[[Stream], None]) -> None:
        """Do it with all of them, a few at a time."""
        everybody = list(streams)
        ended = time.monotonic()
        busy = others = 0.0
        for start in range(0, len(everybody), STREAMS_AT_A_TIME):
            began, before = ended, busy
            for stream in everybody[start : start + STREAMS_AT_A_TIME]:
                act(stream)
            acted = time.monotonic()
            await asyncio.sleep(0)
            ended = time.monotonic()
            busy += acted - began
            others += ended - acted
            self._rest_after(busy - before, others / (busy + others or 1.0))

    def offer(self, stream: Stream, frame: Frame) -> None:
        """Write the frame to one stream, or owe it."""
        if stream.owed is None and stream.offer(frame):
            self.written += 1
            return
        self.skipped += 1
        if stream.owed is None:
            stream.behind_since = time.monotonic()
            self._behind.add(stream)
            self._anyone_behind.set()
        stream.owed = frame

    def forget(self, stream: Stream) -> None:
        """The stream is gone."""
        self._behind.discard(stream)

    def _try_again(self, stream: Stream) -> None:
        if stream.owed is not None and stream.offer(stream.owed):
            self.written += 1
            stream.owed = None
            self._behind.discard(stream)
        elif time.monotonic() - stream.behind_since > EVICT_SECONDS:
            self.evicted += 1
            self._behind.discard(stream)
            stream.abort()

    def _rest_after(self, busy_seconds: float, others_share: float) -> None:
        """While we write, all that others want is done in between: that is their share."""
        share = max(SHARE_IN_A_RUSH, SHARE_WITH_OTHERS - others_share)
        rest_seconds = busy_seconds * (1 / share - 1)
        self.rested_at = max(self.rested_at, time.monotonic()) + rest_seconds
