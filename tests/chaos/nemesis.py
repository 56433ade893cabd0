"""Chooses faults by a seed, and lets each of them strike while somebody waits for an answer."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence

from chaos.faults import Fault, World
from chaos.history import History, Strike

# A process counts as killed only if requests are unanswered; they are, soon, while people buy.
UNANSWERED_SECONDS = 2.0
AGAIN_SECONDS = 40.0
LOOK_SECONDS = 0.01
# Reports of what was seen and lost are copied to the ledger once a second.
REPORTED_SECONDS = 2.2


class NotAgain(Exception):
    """Nobody was told of a reservation for too long after everything had been healed."""


class Nemesis:
    """Strikes one sale."""

    def __init__(self, world: World, history: History, *, menu: Sequence[Fault]) -> None:
        self._world = world
        self._history = history
        self._menu = menu

    async def run(self, *, until: float, enough: Callable[[], bool]) -> None:
        """Strike until this time, or until it is enough.

        Raises NotAgain where the sale does not go on by itself.
        """
        await self._until_sold(time.monotonic(), "the start")
        while time.monotonic() < until and not enough():
            await self._strike(self._choose())
            await self._world.pause(0.0, 0.3)

    def _choose(self) -> Fault:
        weights = [fault.weight for fault in self._menu]
        return self._world.rng.choices(self._menu, weights)[0]

    async def _strike(self, fault: Fault) -> None:
        await self._until_unanswered()
        strike = Strike(
            name=fault.name,
            began=time.monotonic(),
            unanswered=self._history.unanswered.total(),
        )
        self._history.strikes.append(strike)
        try:
            await fault.strike(self._world, strike)
        finally:
            await fault.heal(self._world, strike)
        strike.ended = time.monotonic()
        await self._until_sold(strike.ended, fault.name)
        strike.closed_seconds = time.monotonic() - strike.ended
        self._tell(strike)
        if strike.loses_redis:
            await asyncio.sleep(REPORTED_SECONDS)

    def _tell(self, strike: Strike) -> None:
        """What a seed repeats is the order of the strikes, so it is shown as it happens."""
        print(
            f"{strike.began - self._history.began:7.1f} s  {strike.name}: "
            f"{strike.unanswered} unanswered, struck for {strike.ended - strike.began:.1f} s, "
            f"closed for {strike.closed_seconds:.1f} s",
            file=sys.stderr,
            flush=True,
        )

    async def _until_unanswered(self) -> None:
        deadline = time.monotonic() + UNANSWERED_SECONDS
        while not self._history.unanswered.total() and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS / 10)

    async def _until_sold(self, since: float, after: str) -> None:
        deadline = time.monotonic() + AGAIN_SECONDS
        while self._history.latest_reserved <= since:
            if time.monotonic() > deadline:
                raise NotAgain(f"nobody was admitted within {AGAIN_SECONDS:g} s of: {after}")
            await asyncio.sleep(LOOK_SECONDS)
