"""What a gateway counts while it works, in plain numbers: a checkout has no time for more.

`gateway.metrics` hands them on to prometheus_client, whose own counters cost a checkout five times
as much where several processes share them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from gateway.problems import Refusal

# A checkout that nothing holds up takes a few milliseconds; at 2 seconds it is answered 202.
SECONDS_BOUNDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
# Up to `lua.admission.MAX_CHECKOUTS`.
BATCH_BOUNDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class Distribution:
    """How many numbers were up to each bound, and the last of the counts for those above all."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.clear()

    def observe(self, number: float) -> None:
        """Count a number."""
        self.counts[bisect_left(self.bounds, number)] += 1
        self.total += number

    def clear(self) -> None:
        """Begin at nothing."""
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0


@dataclass(slots=True)
class AdmissionCounts:
    """Checkouts by their outcome, which is `admitted`, `replayed`, `pending` or a problem's code.

    `waiting` and `in_flight` are of this moment: checkouts that no call has taken yet, and calls.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: Distribution = field(default_factory=lambda: Distribution(SECONDS_BOUNDS))
    batches: Distribution = field(default_factory=lambda: Distribution(BATCH_BOUNDS))
    call_seconds: Distribution = field(default_factory=lambda: Distribution(SECONDS_BOUNDS))
    waiting: int = 0
    in_flight: int = 0

    def answered(self, outcome: str, *, began: float) -> None:
        """Count a checkout that began at that `perf_counter()`."""
        self.outcomes[outcome] += 1
        self.seconds.observe(perf_counter() - began)

    def called(self, checkouts: int, *, began: float) -> None:
        """Count a script call with so many checkouts that began at that `perf_counter()`."""
        self.batches.observe(checkouts)
        self.call_seconds.observe(perf_counter() - began)


@dataclass(slots=True)
class SettlementCounts:
    """Payments and releases by the state that they led to, or by a problem's code."""

    payments: Counter[str] = field(default_factory=Counter)
    releases: Counter[str] = field(default_factory=Counter)


@contextmanager
def counting(outcomes: Counter[str], state: str) -> Iterator[None]:
    """Count what the block does: as `state`, unless it raises a Refusal."""
    try:
        yield
    except Refusal as refusal:
        outcomes[refusal.problem.code] += 1
        raise
    outcomes[state] += 1
