"""The command line."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from bench import record, report, runner
from bench.case import QUICK_SECONDS, REPEATS, SECONDS, Plan, Row
from bench.suites import SUITES

FOLDER: Final = Path(__file__).parents[1] / "build" / "bench"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    suites: Annotated[
        list[str], typer.Argument(metavar="SUITE...", help=f"{', '.join(SUITES)}, or all")
    ],
    seconds: Annotated[int, typer.Option(min=1, help="of each load")] = SECONDS,
    repeat: Annotated[int, typer.Option(min=1, help="times, of which the median counts")] = REPEATS,
    only: Annotated[str, typer.Option(help="subjects whose name has this in it")] = "",
    json: Annotated[Path | None, typer.Option(help="where the rows go")] = None,
    page: Annotated[Path | None, typer.Option("--report", help="where a page goes")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="try the machinery; measures nothing")
    ] = False,
) -> None:
    """Measure Doorbuster beside its peers. Every subject is started here, on loopback."""
    wanted = list(SUITES) if suites == ["all"] else suites
    if unknown := set(wanted) - set(SUITES):
        raise typer.BadParameter(f"there is no suite {', '.join(sorted(unknown))}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        folder=FOLDER,
        seconds=QUICK_SECONDS if quick else seconds,
        repeats=1 if quick else repeat,
        quick=quick,
    )
    rows: list[Row] = []
    for name in wanted:
        rows += asyncio.run(_run(name, plan, only))
        # After each suite: what was measured is not lost if a later one is interrupted.
        if json:
            json.write_bytes(record.to_json_rows(rows))
        if page:
            report.write(page, rows, plan)


async def _run(name: str, plan: Plan, only: str) -> list[Row]:
    cases = [case for case in SUITES[name].cases(plan) if only in case.subject]
    return await runner.run(name, cases, plan.repeats, typer.echo)
