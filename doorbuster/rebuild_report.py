"""`rebuild`: explains each number of a rebuild, and has it done only when told to."""

import sys
from dataclasses import asdict
from typing import Final

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from doorbuster.actor import actor
from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from gateway.admin.rebuilding import Rehearsal, rebuild, rehearse
from lua.record import Record
from lua.store import SaleStore
from sql import sales

# Ten million orders take two minutes.
WAIT_SECONDS: Final = 300.0


async def rehearse_sale(servers: Servers, sale_id: str) -> Rehearsal:
    """What a rebuild would do. Raises NotDone where there is no such sale, or it is a draft."""
    try:
        sale = await sales.read(servers.database, sale_id)
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error
    if sale.state == sales.SaleState.DRAFT:
        raise NotDone(f"{sale_id} is a draft: Redis has nothing of it yet")
    return await rehearse(servers.database, SaleStore(servers.redis, sale_id))


async def rebuild_sale(servers: Servers, sale_id: str) -> Record:
    """Have it written anew, under the next epoch. Raises NotDone where that takes very long."""
    record = await rebuild(
        servers.database, servers.redis, sale_id, actor=actor(), seconds=WAIT_SECONDS
    )
    if record is None:
        raise NotDone(
            f"{sale_id}: it was asked for, and no reconciler has finished it yet: is one running?"
        )
    return record


def print_rehearsal(rehearsal: Rehearsal, *, as_json: bool) -> None:
    """Print it for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json(asdict(rehearsal), indent=2).decode() + "\n")
        return
    console = Console()
    for line in _explained(rehearsal):
        console.print(line)
    console.print(_table(rehearsal))


def _explained(rehearsal: Rehearsal) -> list[str]:
    there = rehearsal.redis_version is not None
    proven = "proven" if rehearsal.proven else "not proven"
    stands = f"version {rehearsal.redis_version}, {proven}" if there else "nothing of it"
    return [
        f"[bold]{rehearsal.sale_id}[/bold]",
        f"Redis has {stands}; the ledger has read up to version {rehearsal.version}.",
        f"{rehearsal.unread} changes would be read first, as far as the stream still has them.",
        f"Then {rehearsal.reservations} reservations would be written anew from the ledger.",
        f"Redis has {rehearsal.redis_reservations} now. The next epoch is {rehearsal.epoch + 1}.",
        "Available afterwards = granted - held and paid:",
    ]


def _table(rehearsal: Rehearsal) -> Table:
    table = Table("sku")
    for column in ("granted", "held and paid", "available now", "available afterwards"):
        table.add_column(column, justify="right")
    for item in rehearsal.items:
        before = "?" if item.before is None else str(item.before)
        changed = item.before != item.after
        after = f"[bold yellow]{item.after}[/bold yellow]" if changed else str(item.after)
        table.add_row(item.sku, str(item.granted), str(item.active), before, after)
    return table
