"""A batch of history is committed whole, once, and only where it fits the ledger."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest
from batches import LAMP_LINE, admitting, everything, expecting, filled_mirror, ids, lowering
from drafts import LAMP, MUG, draft, open_sale

from sql import sales
from sql.alarms import AlarmKind, open_alarms
from sql.batch import Batch, Corrected
from sql.database import Database
from sql.ledger import (
    Contradiction,
    Refused,
    Superseded,
    commit,
    commit_the_rest,
    read_checkpoint,
)
from sql.parking import ParkedKind, list_parked
from sql.reservations import State
from sql.settlement import release
from sql.statement import load


@pytest.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    """A ledger with an open sale of ten lamps and five mugs, nothing sold."""
    await open_sale(database, draft(sale_id))
    await filled_mirror(database, sale_id)
    return database


@pytest.fixture
async def sold(ledger: Database, sale_id: str) -> Database:
    """One lamp was granted besides, which Redis has not been told, and one is sold: order 7."""
    await sales.grant(ledger, sale_id, sku=LAMP, units=1, request="the grant", context={})
    await commit(ledger, admitting(sale_id, ids(7)))
    return ledger


Wrong = Callable[[str], Batch]


def after_the_first(batch: Batch) -> Batch:
    """The batch where it belongs: after the order that was sold."""
    batch.last += 1 - batch.began
    batch.began = 1
    return batch


async def counters(database: Database, sale_id: str, sku: str = LAMP) -> tuple[int, int, int, int]:
    """taken, mirror, lowered, granted."""
    items = {item.sku: item for item in await sales.read_items(database, sale_id)}
    item = items[sku]
    return item.taken, item.mirror, item.lowered, item.granted


async def test_a_batch_is_committed_whole(ledger: Database, sale_id: str) -> None:
    batch = admitting(sale_id, ids(1, 2), lines=f"{LAMP}:2:500;{MUG}:1:90")
    await commit(ledger, expecting(batch, {LAMP: 6, MUG: 3}))

    assert await counters(ledger, sale_id) == (4, 6, 0, 10)
    assert await counters(ledger, sale_id, MUG) == (2, 3, 0, 5)
    assert (await read_checkpoint(ledger, sale_id)).version == 2
    rows = await ledger.rows(
        "select *, extract(epoch from created_at) * 1000 as ms, "
        "extract(epoch from deadline - now())::float8 as left from reservation order by version"
    )
    assert [(row["id"], row["version"], row["state"]) for row in rows] == [
        (ids(1)[0], 1, "held"),
        (ids(2)[0], 2, "held"),
    ]
    assert rows[0]["lines"] == f"{LAMP}:2:500;{MUG}:1:90"
    assert rows[0]["ms"] == 1_800_000_000_123
    assert 590 < rows[0]["left"] <= 600


async def test_a_batch_is_committed_once(ledger: Database, sale_id: str) -> None:
    batch = admitting(sale_id, ids(1))
    await commit(ledger, batch)
    before = await everything(ledger)
    with pytest.raises(Superseded):
        await commit(ledger, batch)
    assert await everything(ledger) == before


async def test_of_two_at_once_one_commits(ledger: Database, sale_id: str) -> None:
    batches = [admitting(sale_id, ids(n)) for n in (1, 2)]
    results = await asyncio.gather(
        *(commit(ledger, batch) for batch in batches), return_exceptions=True
    )
    assert sorted(type(each) for each in results if each) == [Superseded]
    assert await counters(ledger, sale_id) == (1, 9, 0, 10)


@pytest.mark.parametrize(("epoch", "began"), [(1, 0), (0, 1)])
async def test_only_from_where_the_checkpoint_stands(
    ledger: Database, sale_id: str, epoch: int, began: int
) -> None:
    before = await everything(ledger)
    with pytest.raises(Superseded):
        await commit(ledger, admitting(sale_id, ids(1), epoch=epoch, began=began))
    assert await everything(ledger) == before


# What does not fit as a whole. Each is a Contradiction, the one fault that is answered by closing
# the sale: another exception would be met again and again, with the sale's history stuck behind it.


def stock_unlike_the_mirror(sale_id: str) -> Batch:
    return expecting(admitting(sale_id, ids(2)), {LAMP: 7})


def unknown_sku_in_the_stock(sale_id: str) -> Batch:
    return expecting(admitting(sale_id, ids(1), lines="chair:1:1"), {"chair": 4})


def less_than_nothing_in_redis(sale_id: str) -> Batch:
    batch = admitting(sale_id, ids(2))
    batch.mirror[LAMP] = -10
    return batch


def return_that_nobody_asked_for(sale_id: str) -> Batch:
    batch = Batch(sale_id=sale_id, epoch=0, began=1, last=2)
    batch.returns.append(ids(7)[0].hex)
    batch.mirror[LAMP] = 1
    return batch


def grant_that_nobody_made(sale_id: str) -> Batch:
    batch = Batch(sale_id=sale_id, epoch=0, began=1, last=2)
    batch.grants.append((LAMP, 2))
    batch.mirror[LAMP] = 1
    return batch


def state_that_nobody_chose(sale_id: str) -> Batch:
    batch = Batch(sale_id=sale_id, epoch=0, began=1, last=2)
    batch.states.append(3)
    return batch


def correction_that_nobody_asked_for(sale_id: str) -> Batch:
    batch = Batch(sale_id=sale_id, epoch=0, began=1, last=2)
    batch.corrections.append(Corrected(version=2, sku=LAMP, number=1, before=9, after=8))
    batch.mirror[LAMP] = -1
    return batch


def lowering_of_more_than_is_left(sale_id: str) -> Batch:
    return lowering(sale_id, "too much", units=11, began=1)


@pytest.mark.parametrize(
    "wrong",
    [
        stock_unlike_the_mirror,
        unknown_sku_in_the_stock,
        less_than_nothing_in_redis,
        return_that_nobody_asked_for,
        grant_that_nobody_made,
        state_that_nobody_chose,
        correction_that_nobody_asked_for,
        lowering_of_more_than_is_left,
    ],
)
async def test_what_contradicts_the_ledger_is_refused_and_nothing_is_written(
    sold: Database, sale_id: str, wrong: Wrong
) -> None:
    before = await everything(sold)
    with pytest.raises((Contradiction, Refused)):
        await commit(sold, after_the_first(wrong(sale_id)))
    with pytest.raises(Contradiction):
        await commit_the_rest(sold, after_the_first(wrong(sale_id)))
    assert await everything(sold) == before
    assert await list_parked(sold) == []


# What Postgres refuses of a batch. Each is set apart, alone, and all the rest is committed.


def known_id(sale_id: str) -> Batch:
    return admitting(sale_id, ids(2, 7))


def id_twice(sale_id: str) -> Batch:
    return admitting(sale_id, ids(2, 2))


def id_that_is_none(sale_id: str) -> Batch:
    batch = admitting(sale_id, ids(2, 3))
    batch.admissions.ids[1] = "x" * 32
    return batch


def nul_in_an_order(sale_id: str) -> Batch:
    batch = admitting(sale_id, ids(2, 3))
    batch.admissions.customers[1] = "a\0da"
    return batch


def more_than_was_granted(sale_id: str) -> Batch:
    batch = admitting(sale_id, ids(2, 3))
    batch.admissions.lines[1] = f"{LAMP}:10:500"
    batch.taken.update({LAMP: 9})
    return batch


@pytest.mark.parametrize(
    "wrong", [known_id, id_twice, id_that_is_none, nul_in_an_order, more_than_was_granted]
)
async def test_an_order_that_is_refused_is_parked_and_a_rebuild_asked_for(
    sold: Database, sale_id: str, wrong: Wrong
) -> None:
    before = await everything(sold)
    with pytest.raises(Refused):
        await commit(sold, after_the_first(wrong(sale_id)))
    assert await everything(sold) == before
    assert not (await read_checkpoint(sold, sale_id)).rebuild

    batch = after_the_first(wrong(sale_id))
    record = batch.admissions.record(1)
    (refusal,) = await commit_the_rest(sold, batch)
    (parked,) = await list_parked(sold)
    assert (parked.kind, parked.reason) == (ParkedKind.ADMISSION, refusal.reason)
    assert parked.record == record.encode()
    assert await admitted(sold) == ids(2, 7)
    # The units of the order are gone from Redis, and in no row.
    assert await counters(sold, sale_id) == (2, 7, 0, 11)
    checkpoint = await read_checkpoint(sold, sale_id)
    assert (checkpoint.version, checkpoint.rebuild) == (batch.last, True)
    await is_paused_with_an_alarm(sold, sale_id)


async def test_what_is_parked_meets_a_grant_without_a_deadlock(
    sold: Database, sale_id: str
) -> None:
    """Both lock the sale before the item, or else one of them would have to give up."""
    batch = admitting(sale_id, ids(2))
    batch.admissions.contexts[0] = "{"
    async with (
        asyncio.timeout(10),
        asyncio.TaskGroup() as tasks,
        sold.transaction() as granting,
    ):
        await granting.fetchrow(load("sale_lock"), sale_id)
        parking = tasks.create_task(commit_the_rest(sold, after_the_first(batch)))
        await _until_one_waits(sold)
        await granting.fetchrow(load("item_raise"), sale_id, LAMP, 1)
    assert len(parking.result()) == 1


async def _until_one_waits(database: Database) -> None:
    waiting = (
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    while not (await database.rows(waiting))[0][0]:
        await asyncio.sleep(0.01)


UNREADABLE = {
    "half a text": '{"subject": ',
    "a NUL": '{"subject": "a\\u0000b"}',
    "half a character": '{"subject": "\\ud800"}',
    "a number without end": '{"subject": 1e1000000}',
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("context", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_context_that_is_refused_is_parked_and_its_order_is_taken(
    sold: Database, sale_id: str, context: str
) -> None:
    batch = admitting(sale_id, ids(2, 3))
    batch.admissions.contexts[1] = context
    after_the_first(batch)
    with pytest.raises(Refused):
        await commit(sold, batch)
    await commit_the_rest(sold, batch)
    (parked,) = await list_parked(sold)
    assert (parked.kind, parked.record) == (ParkedKind.CONTEXT, context.encode())
    assert await admitted(sold) == ids(2, 3, 7)
    assert await counters(sold, sale_id) == (3, 7, 0, 11)
    assert not (await read_checkpoint(sold, sale_id)).rebuild
    await is_paused_with_an_alarm(sold, sale_id)


@pytest.mark.parametrize(
    ("request_id", "context"),
    [("the grant", '{"reason": "broken"}'), ("a\0b", '{"reason": "broken"}'), ("new", "{")],
    ids=["the id of a grant", "a NUL in the id", "no JSON"],
)
async def test_a_lowering_that_is_refused_stands_and_what_was_said_of_it_is_parked(
    sold: Database, sale_id: str, request_id: str, context: str
) -> None:
    batch = lowering(sale_id, request_id, units=4, began=1)
    batch.lowerings.contexts[0] = context
    with pytest.raises(Refused):
        await commit(sold, batch)
    await commit_the_rest(sold, batch)
    (parked,) = await list_parked(sold)
    assert (parked.kind, parked.record) == (ParkedKind.LOWERING, context.encode())
    assert await counters(sold, sale_id) == (1, 5, 4, 7)
    rows = await sold.rows("select -delta as units from adjustment where delta < 0")
    assert [row["units"] for row in rows] == [4]
    assert not (await read_checkpoint(sold, sale_id)).rebuild
    await is_paused_with_an_alarm(sold, sale_id)


async def admitted(ledger: Database) -> list[UUID]:
    return [row["id"] for row in await ledger.rows("select id from reservation order by id")]


async def is_paused_with_an_alarm(ledger: Database, sale_id: str) -> None:
    assert (await sales.read(ledger, sale_id)).state is sales.SaleState.PAUSED
    (alarm,) = await open_alarms(ledger, sale_id)
    assert alarm.kind == AlarmKind.PARKED


async def test_an_id_that_is_known_is_named(ledger: Database, sale_id: str) -> None:
    await commit(ledger, admitting(sale_id, ids(7)))
    with pytest.raises(Refused, match=f"1 ids were admitted before: {ids(7)[0].hex}"):
        await commit(ledger, admitting(sale_id, ids(2, 7), began=1))


async def test_a_sale_without_a_checkpoint_is_a_contradiction(database: Database) -> None:
    with pytest.raises(Contradiction):
        await read_checkpoint(database, "nowhere")


# The outbox is finished by what is read


async def pending(database: Database) -> list[str]:
    rows = await database.rows("select kind, key from outbox where not done order by id")
    return [f"{row['kind']} {row['key']}" for row in rows]


async def test_a_return_is_done_when_its_entry_is_read(ledger: Database, sale_id: str) -> None:
    (reservation,) = ids(1)
    await commit(ledger, admitting(sale_id, [reservation]))
    settled = await release(ledger, reservation)
    assert settled is not None
    assert settled.state is State.RELEASED
    assert await counters(ledger, sale_id) == (0, 9, 0, 10)

    batch = Batch(sale_id=sale_id, epoch=0, began=1, last=2)
    batch.returns.append(reservation.hex)
    batch.mirror[LAMP] = 1
    await commit(ledger, expecting(batch, {LAMP: 10}))
    assert await counters(ledger, sale_id) == (0, 10, 0, 10)
    assert await pending(ledger) == ["state 1"]


async def test_a_later_revision_finishes_the_earlier_ones(ledger: Database, sale_id: str) -> None:
    for number in range(1, 12):
        await sales.grant(ledger, sale_id, sku=LAMP, units=1, request=str(number), context={})
    await sales.grant(ledger, sale_id, sku=MUG, units=1, request="mug", context={})
    batch = Batch(sale_id=sale_id, epoch=0, began=0, last=1)
    batch.grants.append((LAMP, 10))
    batch.mirror[LAMP] = 10
    await commit(ledger, batch)
    # Revision 11 is greater than 10 as a number, and smaller as a text.
    assert await pending(ledger) == ["state 1", f"grant {LAMP}:11", f"grant {MUG}:1"]

    await sales.change_state(ledger, sale_id, "pause")
    await sales.change_state(ledger, sale_id, "resume")
    batch = Batch(sale_id=sale_id, epoch=0, began=1, last=2)
    batch.states.append(2)
    await commit(ledger, batch)
    assert await pending(ledger) == [f"grant {LAMP}:11", f"grant {MUG}:1", "state 3"]


async def test_a_revision_that_was_finished_before_may_be_read_again(
    ledger: Database, sale_id: str
) -> None:
    await ledger.execute("update outbox set done = true")
    batch = Batch(sale_id=sale_id, epoch=0, began=0, last=1)
    batch.states.append(1)
    await commit(ledger, batch)
    assert (await read_checkpoint(ledger, sale_id)).version == 1


async def test_a_lowering_is_recorded_and_lowers_what_is_granted(
    ledger: Database, sale_id: str
) -> None:
    await commit(ledger, expecting(lowering(sale_id, "one", units=4, began=0), {LAMP: 6}))
    assert await counters(ledger, sale_id) == (0, 6, 4, 6)
    adjustment = await sales.find_adjustment(ledger, "one")
    assert adjustment is not None
    assert (adjustment.sku, adjustment.delta, adjustment.reason) == (LAMP, -4, "broken")


# Who waits for whom


async def test_a_commit_does_not_wait_for_a_locked_sale(ledger: Database, sale_id: str) -> None:
    """Whoever grants holds the sale and wants an item; a commit holds items. It may want no sale.

    A foreign key asks for a lock of its own, which a plain `for update` refuses: together they
    would be a deadlock, found after a second, with one of them thrown away.
    """
    async with ledger.transaction() as connection:
        await connection.fetch(load("sale_lock"), sale_id)
        async with asyncio.timeout(1):
            await commit(ledger, admitting(sale_id, ids(1)))


async def test_a_grant_waits_for_no_commit_but_for_the_item_itself(
    ledger: Database, sale_id: str
) -> None:
    async with ledger.transaction() as connection:
        await connection.fetch(load("items_lock"), sale_id, [LAMP])
        async with asyncio.timeout(1):
            await sales.grant(ledger, sale_id, sku=MUG, units=1, request="mug", context={})


async def test_lines_of_a_batch_are_locked_in_one_order(ledger: Database, sale_id: str) -> None:
    """Releases and commits that touch the same items in other orders never deadlock."""
    both = f"{MUG}:1:90;{LAMP}:1:500"
    await commit(ledger, admitting(sale_id, ids(1, 2), lines=both))
    await commit(ledger, admitting(sale_id, ids(3, 4), lines=LAMP_LINE, began=2))
    async with asyncio.TaskGroup() as tasks:
        for each in ids(1, 2, 3, 4):
            tasks.create_task(release(ledger, each))
        tasks.create_task(commit(ledger, admitting(sale_id, ids(5), lines=both, began=4)))
    assert await counters(ledger, sale_id) == (1, 5, 0, 10)
