"""Alarms stay until somebody has acknowledged them, and then keep who it was."""

import asyncio

import pytest
import pytest_asyncio
from drafts import draft, open_sale

from sql.alarms import (
    AlarmKind,
    acknowledge,
    find_alarm,
    keys_left,
    list_alarms,
    note_keys_removed,
    open_alarms,
    raise_alarm,
)
from sql.database import Database
from sql.recovery import begin_epoch


@pytest_asyncio.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    """The ledger of an open sale."""
    await open_sale(database, draft(sale_id))
    return database


async def _rebuilt(ledger: Database, sale_id: str, what: str, *epochs: int) -> None:
    await raise_alarm(ledger, sale_id, AlarmKind.REBUILT, what, epochs=epochs)


async def _opened(ledger: Database, sale_id: str, epoch: int) -> None:
    await begin_epoch(ledger, sale_id, known=epoch - 1)
    await ledger.execute("update checkpoint set opened = epoch")


async def test_whoever_acknowledges_first_stays_on_record(ledger: Database, sale_id: str) -> None:
    await _rebuilt(ledger, sale_id, "epoch 1 was rebuilt")
    (alarm,) = await open_alarms(ledger, sale_id)
    assert (alarm.kind, alarm.what) == (AlarmKind.REBUILT, "epoch 1 was rebuilt")
    assert alarm.acknowledged_at is alarm.acknowledged_by is None
    first = await acknowledge(ledger, alarm.id, actor="cli:ada")
    assert first is not None
    assert first.acknowledged_by == "cli:ada"
    assert await acknowledge(ledger, alarm.id, actor="cli:bob") == first
    assert await find_alarm(ledger, alarm.id) == first
    assert await open_alarms(ledger, sale_id) == []


async def test_of_nothing_there_is_nothing_to_acknowledge(ledger: Database) -> None:
    assert await acknowledge(ledger, 1, actor="cli:ada") is None
    assert await find_alarm(ledger, 1) is None


async def test_the_newest_are_listed_first_and_page_by_page(ledger: Database, sale_id: str) -> None:
    for number in range(5):
        await _rebuilt(ledger, sale_id, str(number))
    first = await list_alarms(ledger, limit=2)
    then = await list_alarms(ledger, sale_id=sale_id, before=first[-1].id, limit=2)
    assert [each.what for each in [*first, *then]] == ["4", "3", "2", "1"]
    await acknowledge(ledger, first[0].id, actor="cli:ada")
    assert [each.what for each in await list_alarms(ledger, limit=1)] == ["3"]
    assert [each.what for each in await list_alarms(ledger, acknowledged=True, limit=1)] == ["4"]
    assert await list_alarms(ledger, sale_id="another") == []


async def test_one_of_a_key_is_raised_once_as_long_as_it_is_open(
    ledger: Database, sale_id: str
) -> None:
    for key in ("LAMP-1", "LAMP-1", "MUG", None, None):
        await raise_alarm(ledger, sale_id, AlarmKind.PARKED, f"{key}", key=key)
    alarms = await open_alarms(ledger, sale_id)
    assert [each.what for each in alarms] == ["None", "None", "MUG", "LAMP-1"]
    await acknowledge(ledger, alarms[-1].id, actor="cli:ada")
    await asyncio.gather(
        *(raise_alarm(ledger, sale_id, AlarmKind.PARKED, "again", key="LAMP-1") for _ in range(4))
    )
    assert [each.what for each in await open_alarms(ledger, sale_id)].count("again") == 1


async def test_keys_may_go_once_the_alarm_is_acknowledged(ledger: Database, sale_id: str) -> None:
    await _opened(ledger, sale_id, 4)
    await _rebuilt(ledger, sale_id, "rebuilt", 2, 3)
    assert await keys_left(ledger, sale_id) == []
    (alarm,) = await open_alarms(ledger, sale_id)
    await acknowledge(ledger, alarm.id, actor="cli:ada")
    (left,) = await keys_left(ledger, sale_id)
    assert (left.alarm_id, left.epochs) == (alarm.id, (2, 3))
    await note_keys_removed(ledger, alarm.id)
    assert await keys_left(ledger, sale_id) == []


@pytest.mark.parametrize(
    ("open_epoch", "still", "may_go"),
    [(9, [], (2, 3)), (9, [3, 4], (2,)), (3, [], (2,)), (2, [], ())],
    ids=["all", "one that is still wanted", "one that is open", "none"],
)
async def test_what_somebody_needs_stays(
    ledger: Database, sale_id: str, open_epoch: int, still: list[int], may_go: tuple[int, ...]
) -> None:
    await _opened(ledger, sale_id, open_epoch)
    await _rebuilt(ledger, sale_id, "known", 2, 3)
    (alarm,) = await open_alarms(ledger, sale_id)
    await acknowledge(ledger, alarm.id, actor="cli:ada")
    await _rebuilt(ledger, sale_id, "not yet", *still)
    (left,) = await keys_left(ledger, sale_id)
    assert left.epochs == may_go
