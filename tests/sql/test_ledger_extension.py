"""A hold can be extended, up to the limit of its sale and no further."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from batches import admitting, filled_mirror, ids
from drafts import LAMP, draft, open_sale

from sql.database import Database
from sql.extension import Extended, TooLong, extend
from sql.ledger import commit
from sql.reservations import State, find
from sql.settlement import Payment, Settled, expire, pay, release

USUAL_PAUSE = timedelta(seconds=5)
HOLD_SECONDS = 600
MAX_HOLD_SECONDS = 1200
HELD, PAID, RELEASED = ids(1, 2, 3)


@pytest.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    """Three holds of ten minutes, which may become twenty."""
    await open_sale(database, draft(sale_id, {LAMP: 1000}, hold_seconds=HOLD_SECONDS))
    await filled_mirror(database, sale_id)
    await commit(database, admitting(sale_id, [HELD, PAID, RELEASED]))
    return database


async def ends(database: Database, reservation: UUID = HELD) -> datetime:
    return (await find(database, [reservation]))[reservation].expires_at


async def test_a_hold_lasts_until_then_and_a_repetition_changes_nothing(ledger: Database) -> None:
    until = await ends(ledger) + timedelta(seconds=60)
    for _ in range(2):
        assert await extend(ledger, HELD, until) == Extended(expires_at=until)
        assert await ends(ledger) == until
    assert await ends(ledger, PAID) == until - timedelta(seconds=60)


async def test_a_hold_never_becomes_shorter(ledger: Database) -> None:
    end = await ends(ledger)
    for earlier in (end - timedelta(seconds=60), datetime(1970, 1, 1, tzinfo=UTC)):
        assert await extend(ledger, HELD, earlier) == Extended(expires_at=end)
    assert await ends(ledger) == end


async def test_the_limit_counts_from_when_the_hold_began_however_often_it_is_extended(
    ledger: Database,
) -> None:
    began = await ends(ledger) - timedelta(seconds=HOLD_SECONDS)
    latest = began + timedelta(seconds=MAX_HOLD_SECONDS)
    told = latest.replace(microsecond=latest.microsecond // 1000 * 1000)
    too_long = TooLong(latest=told, max_hold_seconds=MAX_HOLD_SECONDS)
    for seconds in (700, 1199):
        until = began + timedelta(seconds=seconds)
        assert await extend(ledger, HELD, until) == Extended(expires_at=until)
        assert await extend(ledger, HELD, latest + timedelta(milliseconds=1)) == too_long
        assert await ends(ledger) == until
    assert await extend(ledger, HELD, told) == Extended(expires_at=told)


async def test_an_outage_counts_against_neither_the_hold_nor_its_limit(
    ledger: Database, sale_id: str
) -> None:
    latest = await ends(ledger) + timedelta(seconds=MAX_HOLD_SECONDS - HOLD_SECONDS)
    await ledger.execute("update hold_clock set shift = '1 hour' where sale_id = $1", sale_id)
    later = latest + timedelta(hours=1)
    assert await extend(ledger, HELD, later) == Extended(expires_at=later)
    assert await ends(ledger) == later


async def test_what_is_settled_is_not_extended(ledger: Database, sale_id: str) -> None:
    until = await ends(ledger) + timedelta(seconds=60)
    await pay(ledger, [Payment(reservation=PAID, reference="payment")])
    await release(ledger, RELEASED)
    await ledger.execute("update reservation set deadline = now() where id = $1", HELD)
    await expire(ledger, sale_id, count=1, usual_pause=USUAL_PAUSE)
    before = await ledger.rows("table reservation")
    for reservation, state, reference in (
        (PAID, State.PAID, "payment"),
        (RELEASED, State.RELEASED, None),
        (HELD, State.EXPIRED, None),
    ):
        settled = Settled(state=state, reference=reference)
        assert await extend(ledger, reservation, until) == settled
        too_late = until + timedelta(days=1)
        assert await extend(ledger, reservation, too_late) == settled
    assert await ledger.rows("table reservation") == before


async def test_what_the_ledger_does_not_have_is_not_extended(ledger: Database) -> None:
    assert await extend(ledger, UUID(int=99), datetime.now(UTC)) is None


async def test_a_hold_past_its_time_is_extended_until_the_sweeper_takes_it(
    ledger: Database, sale_id: str
) -> None:
    until = await ends(ledger) + timedelta(seconds=60)
    await ledger.execute("update reservation set deadline = now() where id = $1", HELD)
    assert await extend(ledger, HELD, until) == Extended(expires_at=until)
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 0


async def test_the_sweeper_leaves_what_was_extended_while_it_looked(
    ledger: Database, sale_id: str
) -> None:
    """Its statement begins before the extension commits, and waits for nobody."""
    until = await ends(ledger) + timedelta(seconds=60)
    contested = [UUID(int=number) for number in range(100, 200)]
    await commit(ledger, admitting(sale_id, contested, began=3))
    await ledger.execute("update reservation set deadline = now() where id = any($1)", contested)

    async with asyncio.TaskGroup() as tasks:
        extended = [tasks.create_task(extend(ledger, each, until)) for each in contested]
        for _ in range(20):
            tasks.create_task(expire(ledger, sale_id, count=5, usual_pause=USUAL_PAUSE))

    rows = await find(ledger, contested)
    told = Counter(type(task.result()) for task in extended)
    for each, task in zip(contested, extended, strict=True):
        assert (rows[each].state == State.HELD) == isinstance(task.result(), Extended)
        assert rows[each].state in {State.HELD, State.EXPIRED}
    assert told.total() == 100
