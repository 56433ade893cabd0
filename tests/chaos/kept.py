"""What is kept of a run: to be looked at, and to be checked again by what checks it then."""

from dataclasses import dataclass
from pathlib import Path

from chaos.books import Books
from chaos.checker import check
from chaos.history import Checkout, History, Look, Settlement, Sight, Strike
from chaos.outcome import Outcome, Plan
from chaos.violation import Violation
from pydantic import TypeAdapter

from lua.entry import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is no list."""

    level: str
    seed: int
    seconds: float
    workers: int
    only: tuple[str, ...]
    struck_seconds: float
    clock_ahead_seconds: float
    closed: list[float]
    said: list[str]


FILES = {
    "circumstances": TypeAdapter(Circumstances),
    "books": TypeAdapter(Books),
    "violations": TypeAdapter(list[Violation]),
    "checkouts": TypeAdapter(list[Checkout]),
    "settlements": TypeAdapter(list[Settlement]),
    "strikes": TypeAdapter(list[Strike]),
    "sights": TypeAdapter(list[Sight]),
    "entries": TypeAdapter(list[Entry]),
    "looks": TypeAdapter(list[Look]),
}


def keep(outcome: Outcome, logs: Path, folder: Path) -> None:
    """The history, the books, and what the processes said."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in logs.rglob("*.log"):
        (folder / log.name).write_bytes(log.read_bytes())
    history = outcome.history
    parts = {
        "circumstances": _circumstances(outcome),
        "books": outcome.books,
        "violations": outcome.violations,
        "checkouts": history.checkouts,
        "settlements": history.settlements,
        "strikes": history.strikes,
        "sights": history.sights,
        "entries": list(history.entries.values()),
        "looks": history.looks,
    }
    for name, part in parts.items():
        (folder / f"{name}.json").write_bytes(FILES[name].dump_json(part, indent=1))


def check_again(folder: Path) -> Outcome:
    """The outcome of a run that was kept, as the checks judge it now."""
    found = {
        name: adapter.validate_json((folder / f"{name}.json").read_bytes())
        for name, adapter in FILES.items()
    }
    was: Circumstances = found["circumstances"]
    history = History(
        checkouts=found["checkouts"],
        settlements=found["settlements"],
        strikes=found["strikes"],
        sights=found["sights"],
        entries={(entry.epoch, entry.first): entry for entry in found["entries"]},
        looks=found["looks"],
        closed=was.closed,
        clock_ahead_seconds=was.clock_ahead_seconds,
    )
    return Outcome(
        plan=Plan(
            level=was.level,
            seed=was.seed,
            seconds=was.seconds,
            workers=was.workers,
            only=was.only,
        ),
        history=history,
        books=found["books"],
        violations=check(history, found["books"]),
        said=was.said,
        seconds=was.struck_seconds,
    )


def _circumstances(outcome: Outcome) -> Circumstances:
    plan = outcome.plan
    return Circumstances(
        level=plan.level,
        seed=plan.seed,
        seconds=plan.seconds,
        workers=plan.workers,
        only=plan.only,
        struck_seconds=outcome.seconds,
        clock_ahead_seconds=outcome.history.clock_ahead_seconds,
        closed=outcome.history.closed,
        said=outcome.said,
    )
