"""Brings the products of a file into the ledger: all of them, or none."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic_core import to_json

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
    """Write what the file says in one transaction."""
    written = NOTHING
    async with servers.database.transaction() as connection:
        for start in range(0, len(given), ROWS_AT_ONCE):
            told = f"importing products: {start:,} of {len(given):,}"
            servers.doing.tell(told, done=start, total=len(given))
            written += await write(connection, given[start : start + ROWS_AT_ONCE])
        if written != NOTHING:
            counted = asdict(written)
            await record(connection, actor(), What.PRODUCTS_IMPORT, file.name, **counted)
    return Imported(
        created=written.created,
        changed=written.changed,
        unchanged=len(given) - written.created - written.changed,
    )


def print_imported(imported: Imported, *, as_json: bool) -> None:
    """Print it for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json(asdict(imported)).decode() + "\n")
        return
    sys.stdout.write(
        f"{imported.created} created, {imported.changed} changed, {imported.unchanged} unchanged\n"
    )
