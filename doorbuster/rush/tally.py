"""What the crowd was told, counted as it happens."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

PERCENTILES: Final = (50, 90, 99)


@dataclass(slots=True, kw_only=True)
class Second:
    """One second of a rush: checkouts answered, and units left at its end where that was seen."""

    admitted: int = 0
    refused: int = 0
    left: int | None = None


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts since `begin`. Durations are in seconds, of checkouts from the click to the answer."""

    began_at: float = field(default_factory=time.monotonic)
    arrived: int = 0
    gone: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    durations: list[float] = field(default_factory=list)
    seconds: dict[int, Second] = field(default_factory=dict)
    left: int | None = None

    def begin(self) -> None:
        """The rush begins now."""
        self.began_at = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began_at

    def note_checkout(self, answer: str, duration: float) -> None:
        """A checkout was answered: `admitted`, `replayed`, `sold-out`, `unknown`, or a code."""
        self.answers[answer] += 1
        self.durations.append(duration)
        second = self._second()
        if answer == "admitted":
            second.admitted += 1
        else:
            second.refused += 1

    def note_settled(self, how: str) -> None:
        """A hold came to its end, or was left alone."""
        self.settled[how] += 1

    def note_left(self, units: int) -> None:
        """So many units are left in all."""
        self.left = units
        self._second().left = units

    def percentile_ms(self, percent: int) -> float:
        """The duration that so many percent of the checkouts did not exceed, in milliseconds."""
        if not self.durations:
            return 0.0
        ordered = sorted(self.durations)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000

    def _second(self) -> Second:
        return self.seconds.setdefault(int(self.elapsed), Second())
