"""Deals with parked records for the command line, and prints them."""

import sys
from collections.abc import Sequence

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from doorbuster.actor import actor
from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from sql import parking
from sql.parking import CannotRetry, NoSuchParked, Parked


async def find(servers: Servers, parked_id: int) -> Parked:
    """Raises NotDone where there is no such record."""
    parked = await parking.find_parked(servers.database, parked_id)
    if parked is None:
        raise NotDone(f"nothing is parked as {parked_id}")
    return parked


async def retry(servers: Servers, parked_id: int, context: str | None) -> Parked:
    """Raises NotDone where there is no such record, or the ledger refuses it still."""
    try:
        return await parking.retry(servers.database, parked_id, actor=actor(), mended=context)
    except NoSuchParked as error:
        raise NotDone(f"nothing is parked as {parked_id}") from error
    except CannotRetry as error:
        raise NotDone(f"{parked_id} stays parked: {error}") from error


async def discard(servers: Servers, parked_id: int, reason: str) -> Parked:
    """Raises NotDone where there is no such record."""
    try:
        return await parking.discard(servers.database, parked_id, actor=actor(), reason=reason)
    except NoSuchParked as error:
        raise NotDone(f"nothing is parked as {parked_id}") from error


def print_list(found: Sequence[Parked], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json([_document(each) for each in found], indent=2).decode() + "\n")
        return
    table = Table("parked", "sale", "kind", "what", "why", "at", "dealt with")
    for each in found:
        table.add_row(
            str(each.id),
            each.sale_id,
            each.kind,
            Text(each.subject),
            Text(each.reason),
            f"{each.parked_at:%Y-%m-%d %H:%M:%S}",
            f"{each.resolution}, {each.resolved_by}" if each.resolution else "",
        )
    Console().print(table if found else "nothing is parked")


def print_one(parked: Parked, *, as_json: bool) -> None:
    """Print it whole."""
    document = _document(parked)
    if as_json:
        sys.stdout.write(to_json(document, indent=2).decode() + "\n")
        return
    for name, value in document.items():
        if value is not None:
            Console().print(Text(f"{name}: {value}"), soft_wrap=True)


def _document(parked: Parked) -> dict[str, object]:
    """What was refused may be no text at all, so it is shown with escapes."""
    return {
        "id": parked.id,
        "sale_id": parked.sale_id,
        "kind": parked.kind,
        "subject": parked.subject,
        "record": parked.record.decode(errors="backslashreplace"),
        "reason": parked.reason,
        "parked_at": parked.parked_at,
        "resolved_at": parked.resolved_at,
        "resolved_by": parked.resolved_by,
        "resolution": parked.resolution,
        "note": parked.note,
    }
