"""`mend`: explains what would mend the drifts of a sale, and does it only when told to."""

import asyncio
import sys
from dataclasses import asdict
from typing import Final

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from doorbuster.actor import actor
from doorbuster.audit_report import audit_sales
from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from reconciler.drift import Drift
from reconciler.mending import Plan, plan
from sql.corrections import CannotCorrect, CorrectionKind, Overtaken, correct
from sql.outbox import is_pending

# The relay needs milliseconds, or a second if a reconciler has to take the sale first.
WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05

DOES: Final = {
    CorrectionKind.TAKEN: "the ledger's counter of what is held and paid",
    CorrectionKind.LOWERED: "the ledger's counter of what was taken out",
    CorrectionKind.ACT: "an act on record for what was taken out",
    CorrectionKind.STOCK: "what is available, by an entry",
    CorrectionKind.RETURN: "the units that Redis is asked for again",
}


async def read_plan(servers: Servers, sale_id: str) -> Plan:
    """Audit the sale and decide. Raises NotDone where it cannot be audited."""
    found = await audit_sales(servers, sale_id)
    if not found:
        raise NotDone(f"{sale_id} is a draft: there is nothing to compare yet")
    return plan(found[0])


async def mend_sale(servers: Servers, made: Plan, reason: str) -> list[Drift]:
    """Correct, wait until it is done, and audit again; returns what disagrees still.

    Raises NotDone where somebody was faster, or it takes too long.
    """
    try:
        await correct(
            servers.database,
            made.sale_id,
            made.corrections,
            epoch=made.epoch,
            actor=actor(),
            reason=reason,
        )
    except (Overtaken, CannotCorrect) as error:
        raise NotDone(f"{made.sale_id}: nothing was corrected: {error}") from error
    await _until_done(servers, made)
    (found,) = await audit_sales(servers, made.sale_id)
    return found.drifts


async def _until_done(servers: Servers, made: Plan) -> None:
    asked = [row for each in made.corrections if (row := each.outbox_row) is not None]
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while await is_pending(servers.database, made.sale_id, asked):
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise NotDone(
            f"{made.sale_id}: the corrections are on record, and Redis has not made all of them: "
            "is a reconciler running, and are there units enough to take out?"
        ) from error


def print_plan(made: Plan, *, as_json: bool) -> None:
    """Print it for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json(_document(made), indent=2).decode() + "\n")
        return
    console = Console()
    if made.is_empty:
        console.print(f"{made.sale_id}: nothing to mend")
    if made.corrections:
        console.print(_table(made))
    if made.rebuild:
        console.print(f"[bold]Only a rebuild mends this:[/bold] doorbuster rebuild {made.sale_id}")
    for drift in made.rebuild:
        console.print(Text(f"  {drift}"), soft_wrap=True)
    if made.by_hand:
        console.print("[bold]Only a person can mend this:[/bold]")
    for drift, why in made.by_hand:
        console.print(Text(f"  {drift} ({why})"), soft_wrap=True)


def _table(made: Plan) -> Table:
    table = Table("what the audit found", "what is corrected")
    for column in ("before", "after", "mirror"):
        table.add_column(column, justify="right")
    for each in made.corrections:
        table.add_row(
            Text(each.found),
            DOES[each.kind],
            str(each.before),
            str(each.after),
            f"{each.mirrored:+d}" if each.kind is CorrectionKind.STOCK else "",
        )
    return table


def _document(made: Plan) -> dict[str, object]:
    return {
        "sale_id": made.sale_id,
        "corrections": [asdict(each) for each in made.corrections],
        "rebuild": [asdict(each) for each in made.rebuild],
        "by_hand": [asdict(each) | {"why": why} for each, why in made.by_hand],
    }
