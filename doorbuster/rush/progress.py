"""Shows a rush while it goes on: a live display on a terminal, and nothing elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from doorbuster.rush.plan import Plan
from doorbuster.rush.tally import Tally

FRAMES_PER_SECOND: Final = 8
BARS: Final = " ▁▂▃▄▅▆▇█"
SECONDS_SHOWN: Final = 60


@contextmanager
def shown(plan: Plan, tally: Tally, console: Console) -> Iterator[None]:
    """Draw the tally again and again for the length of the block."""
    if not console.is_terminal:
        yield
        return
    with Live(
        get_renderable=lambda: _picture(plan, tally),
        console=console,
        refresh_per_second=FRAMES_PER_SECOND,
    ):
        yield


def _picture(plan: Plan, tally: Tally) -> Group:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_row("customers", ProgressBar(total=plan.customers, completed=tally.gone, width=40))
    table.add_row("", f"{tally.arrived:,} have come, {tally.gone:,} have gone")
    table.add_row("units left", "?" if tally.left is None else f"{tally.left:,}")
    table.add_row("answers", _counts(tally.answers))
    table.add_row("holds", _counts(tally.settled))
    table.add_row("admitted a second", Text(sparkline(tally), style="green"))
    return Group(table)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in sorted(counts.items())) or "-"


def sparkline(tally: Tally) -> str:
    """The admissions of the last minute, a character a second."""
    last = max(tally.seconds, default=0)
    shown_from = max(0, last - SECONDS_SHOWN + 1)
    admitted = [
        tally.seconds[each].admitted if each in tally.seconds else 0
        for each in range(shown_from, last + 1)
    ]
    most = max(admitted, default=0) or 1
    return "".join(BARS[(count * (len(BARS) - 1) + most - 1) // most] for count in admitted)
