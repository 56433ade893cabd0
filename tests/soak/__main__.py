"""`python -m soak`: sell for minutes, and see whether memory, files and tables stay level."""

import argparse
import asyncio
import sys
from collections.abc import Iterator

from evidence_page import write_section
from soak.gauges import GAUGES, is_level, quarters
from soak.run import PART_OF_CAPACITY, Outcome, Plan, run

MEASURE_SECONDS = 15.0


def main() -> int:
    """Run it, print what was seen, and fail if something grows."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--evidence", action="store_true", help="write it to docs/evidence.md")
    options = parser.parse_args()
    plan = Plan(seconds=options.seconds, streams=options.streams, measure_seconds=MEASURE_SECONDS)
    outcome = asyncio.run(run(plan))
    lines = list(describe(outcome))
    print(*lines, *outcome.faults, sep="\n")
    if options.evidence:
        command = f"make soak ARGS='--seconds {plan.seconds:g} --streams {plan.streams}'"
        write_section("Soak", command, lines)
    return bool(outcome.grown or outcome.faults)


def describe(outcome: Outcome) -> Iterator[str]:
    """The section of the page."""
    plan, told = outcome.plan, outcome.told
    grown = ", ".join(outcome.grown)
    yield f"**Not level: {grown}.**" if grown else "Everything stayed level."
    yield ""
    other = told.total() - told[201]
    yield f"One gateway and one reconciler, {plan.streams} streams, {plan.seconds:g} s at"
    yield f"{PART_OF_CAPACITY:.0%} of the {outcome.capacity:.0f} orders a second that the same"
    yield f"client reached on the same machine. {told[201]:,} orders, {other:,} other answers,"
    yield f"{outcome.streams_ended} streams that ended by themselves. One customer clicked"
    clicks = ", ".join(f"{count:,} times {status}" for status, count in outcome.clicked.items())
    yield f"with one key on one connection, and was answered {clicks}. The audit was clean. Each of"
    yield "the reconciler's own audits takes about 1 kB of its memory for each reservation."
    yield ""
    yield "| what | second quarter | last quarter | level |"
    yield "|---|---:|---:|---|"
    for gauge in GAUGES:
        before, after = quarters(outcome.samples, gauge.name)
        level = "yes" if is_level(gauge, outcome.samples) else "**no**"
        yield f"| {gauge.name} | {before:,.1f} | {after:,.1f} | {level} |"


if __name__ == "__main__":
    sys.exit(main())
