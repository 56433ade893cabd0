"""`doorbuster rush`: a crowd that is made up, at a gateway that is not."""

import random
from pathlib import Path
from typing import Annotated

import typer

from doorbuster.rush.plan import Plan, Shape


def rush(
    sale: Annotated[str, typer.Option(help="The sale to storm.")] = "demo",
    customers: Annotated[int, typer.Option(min=1, max=100_000, help="How many come.")] = 2000,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long they go on arriving.")
    ] = 15.0,
    shape: Annotated[
        Shape, typer.Option(help="spike: half of them at once; steady: one after the other.")
    ] = Shape.SPIKE,
    bots: Annotated[
        float, typer.Option(min=0, max=1, help="Share that tries with many keys.")
    ] = 0.1,
    impatient: Annotated[
        float, typer.Option(min=0, max=1, help="Share that clicks again before the answer.")
    ] = 0.2,
    lapses: Annotated[
        float, typer.Option(min=0, max=1, help="Share of holds that nobody settles.")
    ] = 0.15,
    releases: Annotated[
        float, typer.Option(min=0, max=1, help="Share of holds that are given up.")
    ] = 0.1,
    url: Annotated[
        str | None, typer.Option(help="The gateway; that of `up` by default.", show_default=False)
    ] = None,
    settle_key_file: Annotated[
        Path | None,
        typer.Option(
            help="An API key to pay with; that of `up` by default. Without one nobody pays.",
            show_default=False,
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Makes the same crowd again.", show_default=False)
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw it into this file, as SVG.", show_default=False, dir_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Send a crowd to a sale: an opening spike, bots, impatient clicks, payments, lapses.

    It shows what they are told while it goes on, sums it up, and asks the audit whether Redis and
    the ledger agree. Exits with 1 if they do not.
    """
    from doorbuster.rush_report import run_and_report

    if bots + impatient > 1 or lapses + releases > 1:
        raise typer.BadParameter("--bots with --impatient, or --lapses with --releases, exceed 1")
    plan = Plan(
        sale_id=sale,
        customers=customers,
        seconds=seconds,
        shape=shape,
        bots=bots,
        impatient=impatient,
        lapses=lapses,
        releases=releases,
        seed=random.randrange(10**6) if seed is None else seed,  # noqa: S311 (no secret)
    )
    clean = run_and_report(plan, url=url, key_file=settle_key_file, plot=plot, as_json=as_json)
    if clean is False:
        raise typer.Exit(1)
