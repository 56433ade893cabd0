"""Audits sales for the command line, and prints what was found."""

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
from lua.store import SaleStore
from reconciler.audit import Audit, CannotAudit, audit
from reconciler.drift import Drift
from sql import sales
from sql.sales import SaleState

# Whoever has more rows than this to look at starts with these.
DRIFTS_SHOWN: Final = 20


async def audit_sales(servers: Servers, sale_id: str | None) -> list[Audit]:
    """Audit one sale, or all that were opened. Raises NotDone."""
    try:
        chosen = [await sales.read(servers.database, sale_id)] if sale_id else None
        known = chosen or await sales.read_all(servers.database)
        opened = [each.id for each in known if each.state != SaleState.DRAFT]
        return await _audit_each(servers, opened)
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error
    except CannotAudit as error:
        raise NotDone(str(error)) from error


async def _audit_each(servers: Servers, sale_ids: Sequence[str]) -> list[Audit]:
    audits: list[Audit] = []
    for number, sale_id in enumerate(sale_ids, start=1):
        if len(sale_ids) > 1:
            told = f"auditing {sale_id}, {number} of {len(sale_ids)}"
            servers.doing.tell(told, done=number - 1, total=len(sale_ids))
        audits.append(await audit(servers.database, SaleStore(servers.redis, sale_id)))
    return audits


def print_audits(audits: Sequence[Audit], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json([_document(each) for each in audits], indent=2).decode() + "\n")
        return
    console = Console()
    for each in audits:
        _print_audit(console, each)
    if not audits:
        console.print("no sale was opened yet: nothing to audit")


def _document(audited: Audit) -> dict[str, object]:
    findings = [
        {
            "invariant": finding.invariant,
            "statement": finding.statement,
            "compared": finding.compared,
            "drifts": [asdict(each) | asdict(each.meaning) for each in finding.drifts],
        }
        for finding in audited.findings
    ]
    return {
        "sale_id": audited.sale_id,
        "epoch": audited.epoch,
        "version": audited.version,
        "ledger_version": audited.ledger_version,
        "reservations": audited.reservations,
        "clean": audited.clean,
        "findings": findings,
        "items": [asdict(each) for each in audited.items],
    }


def _print_audit(console: Console, audited: Audit) -> None:
    table = Table(title=f"{audited.sale_id}, epoch {audited.epoch}, version {audited.version}")
    table.add_column("")
    table.add_column("what must hold")
    table.add_column("compared", justify="right")
    table.add_column("disagree", justify="right")
    for finding in audited.findings:
        drifts = len(finding.drifts)
        shown = f"[bold red]{drifts}[/bold red]" if drifts else "[green]none[/green]"
        table.add_row(finding.invariant, finding.statement, str(finding.compared), shown)
    console.print(table)
    for kind in dict.fromkeys(drift.kind for drift in audited.drifts):
        _print_drifts(console, [each for each in audited.drifts if each.kind is kind])


def _print_drifts(console: Console, drifts: Sequence[Drift]) -> None:
    """All of one kind, and what that means."""
    for drift in drifts[:DRIFTS_SHOWN]:
        console.print(Text(str(drift), style="red"), soft_wrap=True)
    rest = len(drifts) - DRIFTS_SHOWN
    if rest > 0:
        console.print(Text(f"and {rest} more: --json has them all", style="red"))
    meaning = drifts[0].meaning
    console.print(Text(f"  {meaning.means}"))
    console.print(Text(f"  What to do: {meaning.how}."))
