"""Prints the log of what operators did."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sql.acts import Act


def print_acts(acts: Sequence[Act], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json([asdict(each) for each in acts], indent=2).decode() + "\n")
        return
    table = Table("act", "at", "who", "what", "to what", "detail")
    for each in acts:
        table.add_row(
            str(each.id),
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            Text(each.actor),
            each.what,
            Text(each.subject),
            Text(_told(each)),
        )
    Console().print(table if acts else "nothing was done yet")


def _told(act: Act) -> str:
    """The detail in a line; --json has what is longer."""
    told = ((name, value) for name, value in act.detail.items() if value is not None)
    return ", ".join(
        name if isinstance(value, dict | list) else f"{name} {value}" for name, value in told
    )
