"""What every customer was told, and what was done to the servers: all that is judged by."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from buyer import Answer

from lua.entry import Entry

# The one that has a front of its own.
GATEWAY_APART = 1
TOLD_RESERVED = frozenset({200, 201})
# Nothing came back, or nobody could say: the call may have had its effect, or have it yet.
UNKNOWN = frozenset({0, 202})


@dataclass(slots=True, kw_only=True)
class Checkout:
    """One attempt of a customer; `status` is 0 where no answer came. Times are monotonic."""

    customer: str
    key: str
    lines: Mapping[str, int]
    gateway: int
    began: float
    ended: float = 0.0
    status: int = 0
    code: str = ""
    id: str = ""
    version: int = 0
    short: tuple[str, ...] = ()
    row_found: bool | None = None  # asked of the ledger right after the answer; None: not asked

    @property
    def reserved(self) -> bool:
        """Whether the customer was told of a reservation."""
        return self.status in TOLD_RESERVED

    @property
    def order(self) -> tuple[str, str]:
        """What makes attempts the same order."""
        return self.customer, self.key


@dataclass(slots=True, kw_only=True)
class Settlement:
    """One attempt to confirm or release a reservation."""

    act: str
    id: str
    reference: str
    gateway: int
    began: float
    ended: float = 0.0
    status: int = 0
    code: str = ""
    refund: bool = False


@dataclass(slots=True, kw_only=True)
class Strike:
    """One fault: `unanswered` are the requests that were open as it began.

    `kills` are the processes that died while requests were unanswered.
    `loses_redis`: Redis may have lost what it had said. `apart`: the second gateway was left with
    another server, which was lost in the end. `ledger_lost_from`: the ledger was taken back to what
    it had been then.
    """

    name: str
    began: float
    unanswered: int
    kills: int = 0
    failovers: int = 0
    loses_redis: bool = False
    apart: bool = False
    ledger_lost_from: float | None = None
    ended: float = 0.0


@dataclass(slots=True, kw_only=True)
class Sight:
    """A state of the stock as a watcher was sent it."""

    epoch: int
    version: int
    stock: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at the stream: the oldest version that is in it, and how much waits to be read."""

    epoch: int
    oldest: int | None
    committed: int
    waiting: int
    limit: int


@dataclass(kw_only=True)
class History:
    """Everything, in the order in which it began."""

    checkouts: list[Checkout] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    entries: dict[tuple[int, int], Entry] = field(default_factory=dict)  # by epoch and version
    looks: list[Look] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)  # seconds from healed to the next order
    unanswered: Counter[int] = field(default_factory=Counter)
    latest_reserved: float = 0.0  # when the latest of the checkouts was sent that were acknowledged
    began: float = field(default_factory=time.monotonic)
    clock_ahead_seconds: float = field(default_factory=lambda: time.time() - time.monotonic())

    @property
    def kills(self) -> int:
        """Those that count."""
        return sum(strike.kills for strike in self.strikes)

    @property
    def failovers(self) -> int:
        """How often a replica became the primary."""
        return sum(strike.failovers for strike in self.strikes)

    @property
    def orders(self) -> int:
        """How many orders were acknowledged."""
        return len({checkout.id for checkout in self.checkouts if checkout.reserved})

    def was_apart(self, checkout: Checkout) -> bool:
        """Whether it may have been decided by a server that was left behind."""
        return checkout.gateway == GATEWAY_APART and any(
            strike.apart and strike.began <= checkout.ended and checkout.began <= strike.ended
            for strike in self.strikes
        )

    def begin_checkout(self, **fields: Any) -> Checkout:
        """A customer sends a checkout."""
        checkout = Checkout(began=time.monotonic(), **fields)
        self.checkouts.append(checkout)
        self.unanswered[checkout.gateway] += 1
        return checkout

    def end_checkout(self, checkout: Checkout, answer: Answer | None) -> None:
        """What it was told; None for nothing."""
        self._end(checkout, answer)
        if answer is None:
            return
        body = answer.body or {}
        checkout.id, checkout.version = body.get("id", ""), body.get("version", 0)
        checkout.short = tuple(line["sku"] for line in body.get("lines", ()) if checkout.code)
        if checkout.reserved:
            self.latest_reserved = max(self.latest_reserved, checkout.began)

    def begin_settlement(self, **fields: Any) -> Settlement:
        """Somebody confirms or releases."""
        settlement = Settlement(began=time.monotonic(), **fields)
        self.settlements.append(settlement)
        self.unanswered[settlement.gateway] += 1
        return settlement

    def end_settlement(self, settlement: Settlement, answer: Answer | None) -> None:
        """What they were told; None for nothing."""
        self._end(settlement, answer)
        settlement.refund = bool(answer and (answer.body or {}).get("refund_required"))

    def _end(self, attempt: Checkout | Settlement, answer: Answer | None) -> None:
        attempt.ended = time.monotonic()
        self.unanswered[attempt.gateway] -= 1
        if answer is not None:
            attempt.status = answer.status
            attempt.code = (answer.body or {}).get("code", "")
