"""What came of a rush, for a person or for a program."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from doorbuster.rush.plan import Plan
from doorbuster.rush.tally import PERCENTILES, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts by what was answered; `clean` is the audit's verdict, None where nobody could audit.

    Durations are in milliseconds, from the click to the answer, with the wait for a connection.
    """

    sale_id: str
    seed: int
    customers: int
    seconds: float
    checkouts: int
    admitted: int
    answers: Mapping[str, int]
    holds: Mapping[str, int]
    units_left: int | None
    answered_per_second: float
    checkout_ms: Mapping[str, float]
    clean: bool | None


def summarize(plan: Plan, tally: Tally, *, seconds: float, clean: bool | None) -> Summary:
    """The sums of the tally of a rush that took so long."""
    checkouts = tally.answers.total()
    return Summary(
        sale_id=plan.sale_id,
        seed=plan.seed,
        customers=plan.customers,
        seconds=round(seconds, 2),
        checkouts=checkouts,
        admitted=tally.answers["admitted"],
        answers=dict(tally.answers.most_common()),
        holds=dict(tally.settled.most_common()),
        units_left=tally.left,
        answered_per_second=round(checkouts / seconds, 1),
        checkout_ms={f"p{each}": round(tally.percentile_ms(each), 1) for each in PERCENTILES},
        clean=clean,
    )


def print_summary(summary: Summary, console: Console, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        console.out(to_json(summary, indent=2).decode(), highlight=False)
        return
    console.print(_table(summary))
    console.print(_verdict(summary))


def _table(summary: Summary) -> Table:
    title = f"{summary.customers:,} customers at {summary.sale_id}, {summary.seconds:g} seconds"
    table = Table(title=title, caption=f"seed {summary.seed}: --seed repeats the crowd")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("checkouts answered", f"{summary.checkouts:,}")
    table.add_row("a second", f"{summary.answered_per_second:,}", end_section=True)
    for word, count in summary.answers.items():
        table.add_row(word, f"{count:,}")
    table.add_section()
    for word, count in summary.holds.items():
        table.add_row(f"hold: {word}", f"{count:,}")
    table.add_section()
    for name, milliseconds in summary.checkout_ms.items():
        table.add_row(f"{name}, click to answer", f"{milliseconds:,} ms")
    table.add_section()
    table.add_row("units left", "?" if summary.units_left is None else f"{summary.units_left:,}")
    return table


def _verdict(summary: Summary) -> str:
    match summary.clean:
        case True:
            return "[green]Audit: Redis and the ledger agree, on every unit.[/green]"
        case False:
            return "[bold red]Audit: they disagree. `doorbuster audit` names the rows.[/bold red]"
    return "Audit: not done, because no servers are known here; `doorbuster audit` does it."
