"""Prints what was found, for a person or for a program."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from doorbuster.doctor.finding import Finding, Severity

STYLES: Final = {Severity.OK: "green", Severity.WARNING: "yellow", Severity.FAULT: "bold red"}


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether there is no fault; warnings are allowed."""
    return all(each.severity != Severity.FAULT for each in findings)


def print_report(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print them in the order in which they were found."""
    if as_json:
        document = {
            "healthy": is_healthy(findings),
            "findings": [asdict(each) for each in findings],
        }
        sys.stdout.write(to_json(document, indent=2).decode() + "\n")
        return
    console = Console()
    console.print(_table(findings))
    console.print(", ".join(f"{each}: {_count(findings, each)}" for each in Severity))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("", "check", "found, and what to do")
    for each in findings:
        table.add_row(Text(each.severity, style=STYLES[each.severity]), each.check, _told(each))
    return table


def _told(finding: Finding) -> Text:
    # Text, not markup: a message of a server may hold brackets.
    if not finding.remedy:
        return Text(finding.what)
    return Text.assemble(finding.what, "\n", (f"→ {finding.remedy}", "cyan"))


def _count(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(each.severity == severity for each in findings)
