"""The rows as a page: what was reached, every figure, and how it was measured."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from bench import machine
from bench.case import Plan, Row
from bench.chart import bars
from bench.suite import Suite
from bench.suites import SUITES
from bench.targets import TARGETS, Target

CHARTS: Final = "charts"

_METHOD: Final = """\
Each figure is the median of {repeats} measurements of {seconds} seconds each. Within a suite the
subjects take turns, so that a slow minute of the machine hits them all. Each measurement starts its
subject anew, with servers of its own on loopback: the same Valkey with `appendfsync always`, where
nothing else is said, one process a service, the same tokens and requests. The load generator shares
the machine with what it measures. CPU is what the operating system counts for each process and its
children, divided by what they got done. Every measurement compares what callers were told with what
the subject's own store holds, and is thrown away where the two do not add up.

`p50_ms` and `p99_ms` come from an open loop at the rate `open_per_s`: requests leave at their time,
and latency counts from that time, whether or not earlier ones were answered."""


def write(page: Path, rows: Sequence[Row], plan: Plan) -> None:
    """Write the page, and its charts into a folder beside it."""
    folder = page.parent / CHARTS
    folder.mkdir(exist_ok=True)
    parts = [*_head(plan), *_targets(rows)]
    for name, group in groupby(rows, lambda row: row.suite):
        of_suite = list(group)
        (folder / f"{name}.svg").write_text(bars(SUITES[name].drawn, of_suite))
        parts += _suite(SUITES[name], of_suite)
    page.write_text("\n".join(parts) + "\n")


def _head(plan: Plan) -> Iterator[str]:
    yield "# Results\n"
    yield "Written by `make bench`. Absolute figures are this machine's; compare the ratios.\n"
    yield from _table(("", ""), machine.description())
    yield _METHOD.format(repeats=plan.repeats, seconds=plan.seconds) + "\n"


def _targets(rows: Sequence[Row]) -> Iterator[str]:
    yield "## What was to be reached\n"
    lines = [_target(target, rows) for target in TARGETS]
    yield from _table(("ratio", "reach", "aim for", "measured", ""), lines)


def _target(target: Target, rows: Sequence[Row]) -> tuple[str, ...]:
    value = target.value(rows)
    sign = "≤" if target.at_most else "≥"
    measured = "" if value is None else f"**{value:.3g}**"
    bounds = (f"{sign} {target.reach:g}", f"{sign} {target.aim:g}")
    return (target.says, *bounds, measured, target.verdict(rows))


def _suite(suite: Suite, rows: Sequence[Row]) -> Iterator[str]:
    yield f"## {suite.name}: {suite.says}\n"
    yield f"![{suite.drawn} by subject]({CHARTS}/{suite.name}.svg)\n"
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    lines = [(row.subject, *(_number(row.figures.get(name)) for name in names)) for row in rows]
    yield from _table(("subject", *names), lines)
    said = dict.fromkeys((row.subject.partition(", ")[0], row.says) for row in rows)
    yield "\n".join(f"- **{subject}**: {says}." for subject, says in said) + "\n"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"
    yield ""
