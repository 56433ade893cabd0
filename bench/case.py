"""What is measured: cases, the figures of one measurement, and the rows that are reported."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

# A figure's name ends in its unit: `accepted_per_s`, `gateway_cpu_us`, `p99_ms`.
Figures: TypeAlias = Mapping[str, float]
Measure: TypeAlias = Callable[[], Awaitable[Figures]]

SECONDS: Final = 2
REPEATS: Final = 3
QUICK_SECONDS: Final = 1
CONNECTIONS: Final = 256
QUICK_CONNECTIONS: Final = 16


class Unmeasurable(Exception):
    """A measurement that would not mean what its name says; the message tells why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how often; `quick` tries the machinery, and its figures mean nothing."""

    folder: Path
    seconds: int
    repeats: int
    quick: bool

    @property
    def connections(self) -> int:
        """How many clients a rush has, where the suite does not vary that."""
        return QUICK_CONNECTIONS if self.quick else CONNECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One subject of a suite; `says` tells in a line what it does for its figures.

    `measure` starts the subject anew, so that no repeat inherits anything from the one before.
    """

    subject: str
    says: str
    measure: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The medians of a case's repeats."""

    suite: str
    subject: str
    says: str
    figures: Figures


def row_of(suite: str, case: Case, repeats: list[Figures]) -> Row:
    """The row that the repeats make."""
    names = repeats[0]
    figures = {name: median(each[name] for each in repeats) for name in names}
    return Row(suite=suite, subject=case.subject, says=case.says, figures=figures)
