"""How much of a process a long computation may have, while others are at work in it too."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

# Some 2 to 10 ms: so long the others wait.
AT_ONCE: Final = 500


class Pace:
    """Works for a share of the time, between 0 and 1; with 1 it only lets others have a turn."""

    def __init__(self, share: float = 1.0) -> None:
        self._rest_for_work = 1 / share - 1
        self._since = time.perf_counter()
        self._steps = 0

    async def step(self) -> None:
        """One of many is done: every now and then, rest."""
        self._steps += 1
        if self._steps % AT_ONCE == 0:
            await asyncio.sleep((time.perf_counter() - self._since) * self._rest_for_work)
            self._since = time.perf_counter()

    async def through(self, things: Iterable[T]) -> AsyncIterator[T]:
        """The things, one a step."""
        for thing in things:
            yield thing
            await self.step()
