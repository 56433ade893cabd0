"""All that can be hurt, and what a fault is."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from acceptance.kept_shop import KeptShop
from chaos.history import History, Strike
from chaos.ledger_server import LedgerServer
from chaos.valkeys import Valkeys

# What nothing else may touch while a fault does.
TARGETS = frozenset(
    {"gateway-1", "gateway-2", "reconciler-1", "reconciler-2", "valkey", "front", "postgres"}
    | {"stock", "state"}
)


@dataclass(kw_only=True)
class World:
    """A shop, its servers, and what is written down of them."""

    shop: KeptShop
    valkeys: Valkeys
    ledger: LedgerServer
    history: History
    sale: str
    rng: random.Random

    async def pause(self, shortest: float, longest: float) -> None:
        """Leave things as they are for a while."""
        await asyncio.sleep(self.rng.uniform(shortest, longest))

    def count_kill(self, strike: Strike) -> None:
        """A process is about to die; that nobody waited through shows nothing."""
        strike.kills += self.history.unanswered.total() > 0

    async def freeze(self, pid: int, shortest: float, longest: float) -> None:
        """Let a process live and do nothing for a while."""
        os.kill(pid, signal.SIGSTOP)
        try:
            await self.pause(shortest, longest)
        finally:
            os.kill(pid, signal.SIGCONT)


Act = Callable[[World, Strike], Awaitable[None]]


async def nothing(_world: World, _strike: Strike) -> None:
    """What heals by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`weight` is how often it is chosen; `strike` hurts, `heal` makes everything run again.

    `forgets`: what was seen of a loss may be gone after it, so it waits until that is reported.
    """

    name: str
    weight: int
    targets: frozenset[str]
    strike: Act
    heal: Act = nothing
    forgets: bool = False
