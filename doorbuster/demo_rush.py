"""The crowd that `up --rush` sends to the demo sale, to be watched."""

import asyncio
import random
from typing import Final

import typer

from doorbuster import connection
from doorbuster.demo_sale import SALE_ID
from doorbuster.faults import Fault
from doorbuster.rush.plan import Plan, Shape
from doorbuster.rush_report import storm
from doorbuster.settings import Settings

# Time to open the page that was just printed.
LOOK_FIRST_SECONDS: Final = 10.0
# As long as somebody likes to watch: half of the crowd is there within an eighth of it.
RUSH_SECONDS: Final = 60.0


async def send_crowd(customers: int, settings: Settings) -> None:
    """Send it, and print what came of it; what goes wrong is told, and stops nothing."""
    up = connection.read(settings.state_dir)
    if up is None:
        return
    typer.echo(f"\nIn {LOOK_FIRST_SECONDS:.0f} seconds {customers} customers come: watch {up.url}/")
    await asyncio.sleep(LOOK_FIRST_SECONDS)
    try:
        await storm(_plan(customers), settings, up.url, up.settle_key)
    except Fault as fault:
        typer.echo(f"no rush: {fault}", err=True)


def _plan(customers: int) -> Plan:
    return Plan(
        sale_id=SALE_ID,
        customers=customers,
        seconds=RUSH_SECONDS,
        shape=Shape.SPIKE,
        bots=0.1,
        impatient=0.2,
        lapses=0.15,
        releases=0.1,
        seed=random.randrange(10**6),  # noqa: S311 (no secret)
    )
