"""What was to be run, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass

from chaos.books import Books
from chaos.checker import lost_orders
from chaos.history import History
from chaos.violation import Violation

WORKERS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run: it ends after so many seconds, or as soon as it is enough."""

    level: str
    seed: int
    seconds: float
    enough: Callable[[History], bool] | None = None
    workers: int = WORKERS
    only: tuple[str, ...] = ()  # faults that are to strike; none for all of the level's


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run. `said` are lines of the processes that tell of a fault of ours."""

    plan: Plan
    history: History
    books: Books
    violations: list[Violation]
    said: list[str]
    seconds: float  # that the faults took

    @property
    def lost(self) -> int:
        """How many acknowledged orders the ledger does not have."""
        return len(lost_orders(self.history, self.books))
