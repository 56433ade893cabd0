"""What was counted in a run, and in several runs of one level together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.history import History

# With less than that, the runs of a level claim nothing.
ENOUGH_KILLS = 200
ENOUGH_FAILOVERS = 50
# A run with fewer orders is void: too little was at stake in it.
ENOUGH_ORDERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One run. `counts` may be added up; `closed` are the seconds from healed to the next order."""

    seed: int
    seconds: float
    orders: int
    kills: int
    failovers: int
    counts: Mapping[str, int]
    faults: Mapping[str, int]
    closed: Sequence[float]
    violations: Sequence[str]

    @property
    def void(self) -> bool:
        """Whether it may count as evidence."""
        return self.orders < ENOUGH_ORDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What several runs have shown.

    Those that are void claim nothing, and are counted only where there are no others.
    """

    runs: Sequence[Tally] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        return [f"seed {run.seed}: {each}" for run in self.runs for each in run.violations]

    @property
    def closed(self) -> list[float]:
        """In order of length."""
        return sorted(each for run in self.counted for each in run.closed)

    @property
    def counts(self) -> Counter[str]:
        return _added(run.counts for run in self.counted)

    @property
    def faults(self) -> Counter[str]:
        return _added(run.faults for run in self.counted)

    @property
    def missing(self) -> list[str]:
        """What they lack for the claim; nothing, if it may be made."""
        wanted = (
            ("acknowledged orders", sum(run.orders for run in self._valid), ENOUGH_ORDERS),
            ("kills", self._kills, ENOUGH_KILLS),
            ("failovers", self._failovers, ENOUGH_FAILOVERS),
        )
        return [f"{number} of {least} {name}" for name, number, least in wanted if number < least]

    def is_enough_with(self, history: History) -> bool:
        """Whether a run that goes on may end, because it and these make the claim."""
        return (
            history.orders >= ENOUGH_ORDERS
            and self._kills + history.kills >= ENOUGH_KILLS
            and self._failovers + history.failovers >= ENOUGH_FAILOVERS
        )

    @property
    def counted(self) -> Sequence[Tally]:
        return self._valid or self.runs

    @property
    def _kills(self) -> int:
        return sum(run.kills for run in self._valid)

    @property
    def _failovers(self) -> int:
        return sum(run.failovers for run in self._valid)

    @property
    def _valid(self) -> list[Tally]:
        return [run for run in self.runs if not run.void]


def _added(each: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Their sums, also where one is 0, which may be the number that matters."""
    total: Counter[str] = Counter()
    for counts in each:
        total.update(counts)
    return total
