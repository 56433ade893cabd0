"""Chooses faults by a seed, and lets each of them strike while somebody waits for an answer."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence

from chaos.books import is_accounted_for
from chaos.checker import rolled_back
from chaos.history import History, Strike
from chaos.world import TARGETS, Fault, World

# Two faults at a time: what they do together is found by neither alone.
LANES = 2
# So long they strike; then everything is healed, and the sale has to go on by itself.
FLURRY_SECONDS = 12.0
AGAIN_SECONDS = 40.0
# A process counts as killed only if requests are unanswered; they are, soon, while people buy.
# While the fault of another lane keeps the sale closed, there is nothing to be taken away.
SELLING_SECONDS = 5.0
LOOK_SECONDS = 0.01


class NotAgain(Exception):
    """Nobody was told of a reservation for too long after everything had been healed."""


class Nemesis:
    """Strikes one sale."""

    def __init__(self, world: World, history: History, *, menu: Sequence[Fault]) -> None:
        self._world = world
        self._history = history
        self._menu = menu
        self._striking: list[Fault] = []
        self._lost_at: float | None = None  # a loss that no alarm has accounted for yet

    async def run(self, *, until: float, enough: Callable[[], bool]) -> None:
        """Strike until this time, or until it is enough.

        Raises NotAgain where the sale does not go on by itself.
        """
        await self._until_sold_again("the start")
        while time.monotonic() < until and not enough():
            names = await self._flurry(min(until, time.monotonic() + FLURRY_SECONDS), enough)
            await self._until_sold_again(names)

    async def _flurry(self, until: float, enough: Callable[[], bool]) -> str:
        """Strike in all lanes; return what struck last, once that is healed."""
        first = self._choose()
        lanes = [self._lane(first, until, enough)]
        if first and first.targets != TARGETS:
            lanes += [self._lane(None, until, enough) for _ in range(LANES - 1)]
        await asyncio.gather(*lanes)
        return ", ".join(strike.name for strike in self._history.strikes[-LANES:])

    async def _lane(self, fault: Fault | None, until: float, enough: Callable[[], bool]) -> None:
        while True:
            if fault:
                await self._strike(fault)
            await self._world.pause(0.0, 0.2)
            await self._look_for_reports()
            if time.monotonic() >= until or enough():
                return
            fault = self._choose()

    def _choose(self) -> Fault | None:
        """A fault that touches nothing which another lane is hurting."""
        menu = [fault for fault in self._menu if self._may_strike(fault)]
        weights = [fault.weight for fault in menu]
        return self._world.rng.choices(menu, weights)[0] if menu else None

    def _may_strike(self, fault: Fault) -> bool:
        """A report of a loss has to have arrived before whoever knows of it may be hurt."""
        if any(fault.targets & other.targets for other in self._striking):
            return False
        losing = self._lost_at is not None or any(other.forgets for other in self._striking)
        return not (fault.forgets and losing)

    async def _strike(self, fault: Fault) -> None:
        self._striking.append(fault)
        await self._until(self._is_unanswered)
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
            self._striking.remove(fault)
        strike.ended = time.monotonic()
        if strike.loses_redis:
            self._lost_at = strike.ended
        self._tell(strike)
        await self._until(lambda: self._history.latest_reserved > strike.ended)

    def _is_unanswered(self) -> bool:
        return self._history.unanswered.total() > 0

    async def _look_for_reports(self) -> None:
        """Gateways report what they have seen and Redis lost; the ledger copies it now and then."""
        if self._lost_at is None:
            return
        told = {
            checkout.id
            for checkout in self._history.checkouts
            if checkout.reserved
            and checkout.ended <= self._lost_at
            and not rolled_back(self._history, checkout.ended)
        }
        if await is_accounted_for(self._world.shop.servers, self._world.sale, told):
            self._lost_at = None

    def _tell(self, strike: Strike) -> None:
        """A seed repeats the choices, and time tells which lane makes them: so it is shown."""
        print(
            f"{strike.began - self._history.began:7.1f} s  {strike.name}: "
            f"{strike.unanswered} unanswered, struck for {strike.ended - strike.began:.1f} s",
            file=sys.stderr,
            flush=True,
        )

    async def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SELLING_SECONDS
        while not condition() and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS / 10)

    async def _until_sold_again(self, after: str) -> None:
        """Everything is healed: somebody has to be told of a reservation, and soon."""
        healed = time.monotonic()
        while self._history.latest_reserved <= healed:
            if time.monotonic() > healed + AGAIN_SECONDS:
                raise NotAgain(f"nobody was admitted within {AGAIN_SECONDS:g} s of: {after}")
            await asyncio.sleep(LOOK_SECONDS)
        self._history.closed.append(time.monotonic() - healed)
        print(f"          open again after {self._history.closed[-1]:.1f} s", file=sys.stderr)
