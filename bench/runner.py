"""Runs a suite: every case in turn, as often as planned, so that a slow minute hits them all."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from bench.case import Case, Figures, Row, Unmeasurable, row_of
from doorbuster.faults import Fault

Say: TypeAlias = Callable[[str], None]

# A measurement that hangs ends the run, whoever is waiting for it.
LONGEST_SECONDS: Final = 300


async def run(suite: str, cases: Sequence[Case], repeats: int, say: Say) -> list[Row]:
    """The medians, a row a case. A case that cannot be measured is told of, and left out."""
    taken: dict[str, list[Figures]] = {case.subject: [] for case in cases}
    failed: set[str] = set()
    for repeat in range(1, repeats + 1):
        for number, case in enumerate(cases, 1):
            if case.subject in failed:
                continue
            began = time.monotonic()
            where = f"{suite} {repeat}/{repeats}, {number}/{len(cases)} {case.subject}"
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    taken[case.subject].append(await case.measure())
            except (Unmeasurable, Fault, TimeoutError) as why:
                failed.add(case.subject)
                say(f"{where}: left out: {why or 'it took too long'}")
            else:
                say(f"{where}: {time.monotonic() - began:.0f} s, {_told(taken[case.subject][-1])}")
    return [
        row_of(suite, case, taken[case.subject]) for case in cases if case.subject not in failed
    ]


def _told(figures: Figures) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
