"""Brings the products of a file into the ledger: all of them, or none."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from doorbuster.actor import actor
from doorbuster.servers import Servers
from sql.acts import What, record
from sql.products import NOTHING, ROWS_AT_ONCE, Product, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many products were new, are other than they were, and were so already."""

    created: int
    changed: int
    unchanged: int


async def import_products(servers: Servers, given: Sequence[Product], file: Path) -> Imported:
    """Write what the file says in one transaction, while a terminal shows how far it is."""
    written = NOTHING
    with _progress() as progress:
        task = progress.add_task("products", total=len(given))
        async with servers.database.transaction() as connection:
            for start in range(0, len(given), ROWS_AT_ONCE):
                batch = given[start : start + ROWS_AT_ONCE]
                written += await write(connection, batch)
                progress.advance(task, len(batch))
            if written != NOTHING:
                counted = asdict(written)
                await record(connection, actor(), What.PRODUCTS_IMPORT, file.name, **counted)
    return Imported(
        created=written.created,
        changed=written.changed,
        unchanged=len(given) - written.created - written.changed,
    )


def _progress() -> Progress:
    """A bar on a terminal, and silence elsewhere; never among what a program reads."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def print_imported(imported: Imported, *, as_json: bool) -> None:
    """Print it for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json(asdict(imported)).decode() + "\n")
        return
    sys.stdout.write(
        f"{imported.created} created, {imported.changed} changed, {imported.unchanged} unchanged\n"
    )
