"""Acknowledges alarms for the command line, and prints them."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from doorbuster.actor import actor
from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from sql.alarms import Alarm, acknowledge


async def acknowledge_all(servers: Servers, alarm_ids: Sequence[int]) -> list[Alarm]:
    """Acknowledge each. Raises NotDone for the first that there is none of."""
    return [await _acknowledge(servers, each) for each in alarm_ids]


async def _acknowledge(servers: Servers, alarm_id: int) -> Alarm:
    alarm = await acknowledge(servers.database, alarm_id, actor=actor())
    if alarm is None:
        raise NotDone(f"there is no alarm {alarm_id}")
    return alarm


def print_alarms(alarms: Sequence[Alarm], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json([asdict(each) for each in alarms], indent=2).decode() + "\n")
        return
    table = Table("alarm", "sale", "kind", "at", "what", "acknowledged")
    for each in alarms:
        table.add_row(
            str(each.id),
            each.sale_id,
            each.kind,
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            Text(each.what),
            _known(each),
        )
    Console().print(table if alarms else "no alarm is open")


def _known(alarm: Alarm) -> str:
    if alarm.acknowledged_at is None:
        return ""
    return f"{alarm.acknowledged_at:%Y-%m-%d %H:%M}, {alarm.acknowledged_by}"
