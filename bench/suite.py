"""A suite: cases that are measured in turns, and compared."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.case import Case, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """`says` tells what is measured; the chart draws the figure `drawn`."""

    name: str
    says: str
    drawn: str
    cases: Callable[[Plan], list[Case]]
