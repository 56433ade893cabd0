"""Audits sales for the command line, and prints what was found."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from lua.store import SaleStore
from reconciler.audit import Audit, CannotAudit, Finding, audit
from sql import sales
from sql.sales import SaleState

# Whoever has more rows than this to look at starts with these.
FAULTS_SHOWN = 20


async def audit_sales(servers: Servers, sale_id: str | None) -> list[Audit]:
    """Audit one sale, or all that were opened. Raises NotDone."""
    try:
        chosen = [await sales.read(servers.database, sale_id)] if sale_id else None
        known = chosen or await sales.read_all(servers.database)
        opened = [each.id for each in known if each.state != SaleState.DRAFT]
        return [await audit(servers.database, SaleStore(servers.redis, each)) for each in opened]
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error
    except CannotAudit as error:
        raise NotDone(str(error)) from error


def print_audits(audits: Sequence[Audit], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        documents = [asdict(each) | {"clean": each.clean} for each in audits]
        sys.stdout.write(to_json(documents, indent=2).decode() + "\n")
        return
    console = Console()
    for each in audits:
        _print_audit(console, each)
    if not audits:
        console.print("no sale was opened yet: nothing to audit")


def _print_audit(console: Console, audited: Audit) -> None:
    table = Table(title=f"{audited.sale_id}, epoch {audited.epoch}, version {audited.version}")
    table.add_column("")
    table.add_column("what must hold")
    table.add_column("compared", justify="right")
    table.add_column("disagree", justify="right")
    for finding in audited.findings:
        faults = len(finding.faults)
        shown = f"[bold red]{faults}[/bold red]" if faults else "[green]none[/green]"
        table.add_row(finding.invariant, finding.statement, str(finding.compared), shown)
    console.print(table)
    for finding in audited.findings:
        _print_faults(console, finding)


def _print_faults(console: Console, finding: Finding) -> None:
    for fault in finding.faults[:FAULTS_SHOWN]:
        console.print(f"[red]{finding.invariant}[/red] {fault}", soft_wrap=True)
    rest = len(finding.faults) - FAULTS_SHOWN
    if rest > 0:
        console.print(f"[red]{finding.invariant}[/red] and {rest} more: --json has them all")
