"""What the reconcilers' own audits found last, for the command line."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from reconciler.drift import MEANINGS, DriftKind
from sql import sales
from sql.audit_log import AuditBooks, AuditDrift, KeptAudit, last_audits

# Of one sale, its last ones; of all sales, the last one of each.
SHOWN: Final = 10


async def read_last(servers: Servers, sale_id: str | None) -> list[KeptAudit]:
    """Read them, newest first. Raises NotDone where there is no such sale."""
    if sale_id is None:
        return await last_audits(servers.database)
    try:
        await sales.read(servers.database, sale_id)
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error
    return await last_audits(servers.database, sale_id=sale_id, count=SHOWN)


def are_clean(kept: Sequence[KeptAudit]) -> bool:
    """Whether no sale's last audit that could be made found anything to disagree."""
    return not any(books.keys for books in _newest(kept))


def _newest(kept: Sequence[KeptAudit]) -> list[AuditBooks]:
    """Of each sale, what was found when it could be audited last."""
    newest: dict[str, AuditBooks] = {}
    for each in kept:
        if each.books is not None:
            newest.setdefault(each.sale_id, each.books)
    return list(newest.values())


def print_last(kept: Sequence[KeptAudit], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json([asdict(each) for each in kept], indent=2).decode() + "\n")
        return
    console = Console()
    if not kept:
        console.print("no reconciler has audited anything yet")
        return
    console.print(_table(kept))
    for books in _newest(kept):
        for drift in books.drifts:
            _print_drift(console, drift)


def _table(kept: Sequence[KeptAudit]) -> Table:
    table = Table("sale", "at", "took", "version", "outcome", "granted")
    for column in ("taken", "by the rows", "mirror", "available", "held in Redis"):
        table.add_column(column, justify="right")
    for each in kept:
        table.add_row(
            each.sale_id,
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            f"{each.milliseconds:.0f} ms",
            str(each.books.version) if each.books else "",
            Text(each.why or each.outcome),
            *_sums(each),
        )
    return table


def _sums(kept: KeptAudit) -> list[str]:
    if kept.books is None:
        return []
    sums = kept.books.sums
    shown = (sums.granted, sums.taken, sums.rows, sums.mirror, sums.available, sums.held)
    return [str(each) for each in shown]


def _print_drift(console: Console, drift: AuditDrift) -> None:
    console.print(Text(drift.says, style="red"), soft_wrap=True)
    if drift.kind in set(DriftKind):
        meaning = MEANINGS[DriftKind(drift.kind)]
        console.print(Text(f"  {meaning.means}"))
        console.print(Text(f"  What to do: {meaning.how}."))
