"""Lets what is answered at once take turns with everything else that the event loop has to do.

A loop that is told of a thousand requests would work through all of them before it looked at
anything else, and whatever needs several rounds, as a payment does, would wait several times as
long as they. So they stand in line, and a round takes only as many of them as fit into a slice.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final

# Everything else waits for so long in each round. Many checkouts fit into it, which then travel in
# one call of the script.
SLICE_SECONDS: Final = 0.002
# Who would wait longer is turned away instead: half of the time after which a checkout is answered
# by default, and the other half is for what comes after this line.
LONGEST_WAIT_SECONDS: Final = 1.0
# What a round counts in the pace, against the one after it. A processor that is shared stands still
# now and then, so it takes many rounds to tell.
FADING: Final = 0.98


class Turns:
    """The line of one process."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_due = False
        # Of the last rounds that somebody was left after, with all that happened beside the line.
        self._seconds = 0.0
        self._served = 0.0

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return len(self._waiting)

    def is_empty(self) -> bool:
        """Whether nobody is in line."""
        return not self._waiting

    @property
    def is_too_long(self) -> bool:
        """Whether whoever joined the line now would come too late."""
        return len(self._waiting) * self._seconds > LONGEST_WAIT_SECONDS * self._served

    def join(self, serve: Callable[[], None]) -> None:
        """Have it called in its turn."""
        self._waiting.append(serve)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._serve_some(perf_counter())

    def _go_on(self, last_began: float, served: int) -> None:
        began = perf_counter()
        self._seconds = self._seconds * FADING + began - last_began
        self._served = self._served * FADING + served
        self._serve_some(began)

    def _serve_some(self, began: float) -> None:
        served = 0
        try:
            while self._waiting and (not served or perf_counter() - began < SLICE_SECONDS):
                served += 1
                self._waiting.popleft()()
        finally:
            # Whoever is left has the next round of the loop, whatever one of them has met.
            self._is_due = bool(self._waiting)
            if self._is_due:
                asyncio.get_running_loop().call_soon(self._go_on, began, served)
