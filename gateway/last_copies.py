"""The last that the ledger said, kept so that reading goes on while it is away.

A copy is also what a crowd shares: the ledger is asked once a second for each thing, however many
ask us for it, and once a second in all while it does not answer.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

from gateway.problems import LEDGER_BEHIND, Refusal
from sql.faults import LedgerFault

log = logging.getLogger(__name__)

# Nobody sees a catalogue change within the second in which it was changed.
FRESH_SECONDS: Final = 1.0
# Who has a copy to give does not wait longer for a ledger that hangs; who has none, this long.
PATIENCE_SECONDS: Final = 1.0
LONGEST_PATIENCE_SECONDS: Final = 3.0
# Of a gateway's eight connections: anybody may ask for any page, and settling has the others.
READINGS_AT_ONCE: Final = 2
# After a fault the ledger is left alone for so long.
PAUSE_SECONDS: Final = 1.0

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Generic[Value]):
    """What the ledger said `age_seconds` ago; it is stale where the ledger could not be asked."""

    value: Value
    age_seconds: float
    is_stale: bool

    def headers(self) -> dict[str, str]:
        """What tells a caller that an answer is stale; none for what is fresh.

        `Age` is in seconds (RFC 9111, section 5.1), `Cache-Status` says why (RFC 9211). The
        document and its ETag are the copy's, so who has it already is told so.
        """
        if not self.is_stale:
            return {}
        age, ttl = int(self.age_seconds), int(FRESH_SECONDS - self.age_seconds)
        status = f"doorbuster; hit; ttl={ttl}; detail=ledger-away"
        return {"age": str(age), "cache-status": status}


class LastCopies(Generic[Value]):
    """At most `most` copies, the one unused for longest goes first.

    `turns` are shared by all who read the ledger for the public.
    """

    def __init__(self, most: int, turns: asyncio.Semaphore) -> None:
        self._most = most
        self._turns = turns
        self._kept: OrderedDict[Hashable, tuple[Value, float]] = OrderedDict()
        self._asking: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        self._failed_at = float("-inf")

    async def read(self, name: Hashable, ask: Callable[[], Awaitable[Value]]) -> Copy[Value]:
        """What `ask` has last answered under this name, a second ago or now.

        Raises a Refusal where there is no copy and the ledger is away; and what `ask` raises.
        """
        # Whoever asks for the same waits here, and finds the copy of the one who was first.
        async with self._asking.setdefault(name, asyncio.Lock()):
            kept = self._copy(name)
            if kept is not None and kept.age_seconds < FRESH_SECONDS:
                return kept
            return await self._ask(name, ask) or self._stale(kept)

    def _copy(self, name: Hashable) -> Copy[Value] | None:
        found = self._kept.get(name)
        if found is None:
            return None
        self._kept.move_to_end(name)
        value, read_at = found
        return Copy(value=value, age_seconds=time.monotonic() - read_at, is_stale=False)

    async def _ask(self, name: Hashable, ask: Callable[[], Awaitable[Value]]) -> Copy[Value] | None:
        if time.monotonic() - self._failed_at < PAUSE_SECONDS:
            return None
        try:
            async with asyncio.timeout(self._patience_seconds(name)), self._turns:
                value = await ask()
        except (LedgerFault, TimeoutError) as fault:
            log.info("answering with copies, the ledger is away: %s", fault)
            self._failed_at = time.monotonic()
            return None
        self._keep(name, value)
        return Copy(value=value, age_seconds=0.0, is_stale=False)

    def _patience_seconds(self, name: Hashable) -> float:
        return PATIENCE_SECONDS if name in self._kept else LONGEST_PATIENCE_SECONDS

    def _keep(self, name: Hashable, value: Value) -> None:
        self._kept[name] = (value, time.monotonic())
        self._kept.move_to_end(name)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _stale(self, kept: Copy[Value] | None) -> Copy[Value]:
        if kept is None:
            raise Refusal(LEDGER_BEHIND)
        return Copy(value=kept.value, age_seconds=kept.age_seconds, is_stale=True)
