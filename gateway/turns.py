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
# Once the first in line has waited for so long, nobody may join. That is half of the time after
# which a checkout is answered by default.
LONG_WAIT_SECONDS: Final = 1.0
# And whoever has waited for so long is not served any more: the rest is too little for the call.
TOO_LONG_SECONDS: Final = 1.5


class Turns:
    """The line of one process."""

    def __init__(self) -> None:
        # Since when on `perf_counter()`, and what to call.
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._is_due = False

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return len(self._waiting)

    def is_empty(self) -> bool:
        """Whether nobody is in line."""
        return not self._waiting

    @property
    def is_slow(self) -> bool:
        """Whether the first in line has waited for so long that nobody should join.

        It is seen by what was waited, and not foretold by a pace: a pace of the past, such as that
        of the moment in which a thousand connect, would turn away those of the present.
        """
        return bool(self._waiting) and perf_counter() - self._waiting[0][0] > LONG_WAIT_SECONDS

    def join(self, serve: Callable[[], None]) -> None:
        """Have it called in its turn."""
        self._waiting.append((perf_counter(), serve))
        if not self._is_due:
            self._have_a_round()

    def _have_a_round(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._serve_some)

    def _serve_some(self) -> None:
        until = perf_counter() + SLICE_SECONDS
        self._is_due = False
        try:
            _, serve = self._waiting.popleft()
            serve()
            while self._waiting and perf_counter() < until:
                _, serve = self._waiting.popleft()
                serve()
        finally:
            # Whoever is left has the next round of the loop, whatever one of them has met.
            self._have_a_round()
