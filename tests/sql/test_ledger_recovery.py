"""The ledger in a recovery: epochs that nobody has used, and a snapshot that stands still."""

import asyncio
import time
from dataclasses import replace

import pytest
from batches import admitting, filled_mirror, ids
from drafts import LAMP, MUG, draft, open_sale

from sql import sales
from sql.alarms import note_witnesses, open_alarms
from sql.database import Database
from sql.ledger import Superseded, commit, read_checkpoint
from sql.outbox import read_pending
from sql.recovery import Ending, begin_epoch, open_epoch, snapshot
from sql.settlement import release


@pytest.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    """Ten lamps and five mugs, of which three lamps are held."""
    await open_sale(database, draft(sale_id))
    await filled_mirror(database, sale_id)
    await commit(database, admitting(sale_id, ids(1, 2, 3)))
    return database


def ending(sale_id: str, *, epoch: int, version: int = 3, ended_epoch: int = 0) -> Ending:
    return Ending(
        sale_id=sale_id,
        epoch=epoch,
        version=version,
        ended_epoch=ended_epoch,
        outcome="adopted",
        why="a test",
        began=time.perf_counter(),
    )


async def test_an_epoch_is_newer_than_any_that_anybody_knows(
    ledger: Database, sale_id: str
) -> None:
    assert (await begin_epoch(ledger, sale_id, known=0)).epoch == 1
    assert (await begin_epoch(ledger, sale_id, known=7)).epoch == 8
    await note_witnesses(ledger, sale_id, {20: 5, 4: 9})
    begun = await begin_epoch(ledger, sale_id, known=0)
    assert (begun.epoch, begun.version, begun.opened) == (21, 3, 0)
    with pytest.raises(LookupError):
        await begin_epoch(ledger, "nowhere", known=0)


async def test_an_epoch_stops_all_older_work(ledger: Database, sale_id: str) -> None:
    await begin_epoch(ledger, sale_id, known=0)
    with pytest.raises(Superseded):
        await commit(ledger, admitting(sale_id, ids(4), began=3))
    await commit(ledger, admitting(sale_id, ids(4), began=3, epoch=1))


async def test_only_the_newest_epoch_opens_and_only_where_it_stood(
    ledger: Database, sale_id: str
) -> None:
    for _ in range(2):
        await begin_epoch(ledger, sale_id, known=0)
    assert not await open_epoch(ledger, ending(sale_id, epoch=1))
    assert not await open_epoch(ledger, ending(sale_id, epoch=2, version=2))
    assert await open_epoch(ledger, ending(sale_id, epoch=2))
    assert (await read_checkpoint(ledger, sale_id)).opened == 2
    rows = await ledger.rows("select epoch, outcome, version, ended_epoch from recovery")
    assert [tuple(row) for row in rows] == [(2, "adopted", 3, 0)]


async def test_what_could_not_be_adopted_is_told_as_a_rebuild(
    ledger: Database, sale_id: str
) -> None:
    await begin_epoch(ledger, sale_id, known=0)
    await open_epoch(ledger, ending(sale_id, epoch=1))
    rebuilt = replace(ending(sale_id, epoch=1), outcome="rebuilt")
    async with snapshot(ledger, rebuilt) as taken:
        assert taken is not None
    rows = await ledger.rows("select outcome from recovery")
    assert [row["outcome"] for row in rows] == ["rebuilt"]


async def test_a_snapshot_holds_everything_and_contains_what_was_pending(
    ledger: Database, sale_id: str
) -> None:
    await release(ledger, ids(1)[0])
    await sales.grant(ledger, sale_id, sku=MUG, units=4, request="pallet", context={})
    await begin_epoch(ledger, sale_id, known=0)
    async with snapshot(ledger, ending(sale_id, epoch=1)) as taken:
        assert taken is not None
        states = {each.id: each.state async for some in taken.reservations() for each in some}
        items = {item.sku: item.granted - item.taken for item in taken.items}
        assert await taken.reset_mirror({LAMP: 2}) == items
    assert sorted(states.values()) == ["held", "held", "released"]
    assert items == {LAMP: 8, MUG: 9}
    assert await read_pending(ledger, sale_id, after=0, count=10) == []
    mirrors = {item.sku: item.mirror for item in await sales.read_items(ledger, sale_id)}
    assert mirrors == items


async def test_a_snapshot_that_came_to_nothing_changes_nothing(
    ledger: Database, sale_id: str
) -> None:
    await begin_epoch(ledger, sale_id, known=0)
    with pytest.raises(ZeroDivisionError):
        async with snapshot(ledger, ending(sale_id, epoch=1)):
            raise ZeroDivisionError
    assert (await read_checkpoint(ledger, sale_id)).opened == 0
    assert len(await read_pending(ledger, sale_id, after=0, count=10)) == 1


async def test_nothing_moves_while_a_snapshot_is_taken(ledger: Database, sale_id: str) -> None:
    await begin_epoch(ledger, sale_id, known=0)
    async with snapshot(ledger, ending(sale_id, epoch=1)) as taken:
        assert taken is not None
        grant = {"sku": LAMP, "units": 1, "request": "pallet", "context": {}}
        waiting = [
            asyncio.create_task(release(ledger, ids(1)[0])),
            asyncio.create_task(sales.grant(ledger, sale_id, **grant)),
            asyncio.create_task(commit(ledger, admitting(sale_id, ids(4), began=3, epoch=1))),
        ]
        done, _ = await asyncio.wait(waiting, timeout=0.3)
        assert not done
    await asyncio.gather(*waiting)


async def test_a_snapshot_is_refused_to_who_was_overtaken(ledger: Database, sale_id: str) -> None:
    for _ in range(2):
        await begin_epoch(ledger, sale_id, known=0)
    async with snapshot(ledger, ending(sale_id, epoch=1)) as taken:
        assert taken is None


async def test_a_snapshot_says_how_far_witnesses_saw(ledger: Database, sale_id: str) -> None:
    await note_witnesses(ledger, sale_id, {1: 1_000, 2: 8})
    await begin_epoch(ledger, sale_id, known=0)
    # What was seen of an epoch before the one that ends now was told when that one ended.
    async with snapshot(ledger, ending(sale_id, epoch=3, ended_epoch=2)) as taken:
        assert taken is not None
        assert taken.lost == 5


async def test_a_witness_of_an_epoch_that_has_ended_raises_an_alarm_once(
    ledger: Database, sale_id: str
) -> None:
    await note_witnesses(ledger, sale_id, {1: 5})
    await begin_epoch(ledger, sale_id, known=0)
    await open_epoch(ledger, ending(sale_id, epoch=2, ended_epoch=1))
    assert await open_alarms(ledger, sale_id) == []
    for seen in (2, 5, 4):
        await note_witnesses(ledger, sale_id, {1: seen})
    assert await open_alarms(ledger, sale_id) == []
    await asyncio.gather(*(note_witnesses(ledger, sale_id, {1: 10}) for _ in range(5)))
    (alarm,) = await open_alarms(ledger, sale_id)
    assert "epoch 1 ended at version 3, and somebody has seen 10: up to 7 " in alarm.what
