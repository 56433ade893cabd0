"""Held reservations become paid, released or expired: one of them, once, whoever comes together."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from batches import admitting, filled_mirror, ids
from drafts import LAMP, MUG, draft, open_sale

from sql import sales
from sql.database import Database
from sql.ledger import commit
from sql.reservations import State, find
from sql.settlement import Paid, Payment, Settled, expire, pay, release, tick_hold_clock

USUAL_PAUSE = timedelta(seconds=5)
HELD = ids(1, 2, 3)
BOTH = f"{LAMP}:2:500;{MUG}:1:90"


@pytest.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    """Three holds of two lamps and a mug each; their time is not up."""
    await open_sale(database, draft(sale_id, {LAMP: 100, MUG: 100}))
    await filled_mirror(database, sale_id)
    await commit(database, admitting(sale_id, HELD, lines=BOTH))
    return database


async def taken(database: Database, sale_id: str) -> dict[str, int]:
    return {item.sku: item.taken for item in await sales.read_items(database, sale_id)}


async def asked_back(database: Database) -> list[str]:
    rows = await database.rows("select body from outbox where kind = 'return' order by id")
    return [row["body"] for row in rows]


async def end_all_holds(database: Database) -> None:
    await database.execute("update reservation set deadline = now() - interval '1 second'")


def payment(reservation: UUID, reference: str = "payment-1") -> Payment:
    return Payment(reservation=reservation, reference=reference)


async def settled_by(ledger: Database, payments: list[Payment]) -> dict[UUID, Settled]:
    """How they left what they were for; each is told as what it was before, too."""
    before = await find(ledger, [each.reservation for each in payments])
    paid = await pay(ledger, payments)
    assert {each: told.was for each, told in paid.items()} == before
    return {each: told.settled for each, told in paid.items()}


def paid(reference: str = "payment-1") -> Settled:
    return Settled(state=State.PAID, reference=reference)


async def test_a_payment_settles_and_gives_no_units_back(ledger: Database, sale_id: str) -> None:
    assert await settled_by(ledger, [payment(HELD[0])]) == {HELD[0]: paid()}
    assert await taken(ledger, sale_id) == {LAMP: 6, MUG: 3}
    assert await asked_back(ledger) == []
    row = (await find(ledger, HELD))[HELD[0]]
    assert (row.state, row.payment_reference) == (State.PAID, "payment-1")


async def test_a_repeated_payment_changes_nothing(ledger: Database) -> None:
    await pay(ledger, [payment(HELD[0])])
    before = await ledger.rows("table reservation")
    assert await settled_by(ledger, [payment(HELD[0])]) == {HELD[0]: paid()}
    assert await ledger.rows("table reservation") == before


async def test_a_second_payment_is_told_of_the_first(ledger: Database) -> None:
    await pay(ledger, [payment(HELD[0])])
    assert await settled_by(ledger, [payment(HELD[0], "payment-2")]) == {HELD[0]: paid()}


async def test_of_two_payments_in_one_batch_the_first_wins(ledger: Database) -> None:
    batch = [payment(HELD[0]), payment(HELD[1], "other"), payment(HELD[0], "payment-2")]
    assert await settled_by(ledger, batch) == {HELD[0]: paid(), HELD[1]: paid("other")}


async def test_what_the_ledger_does_not_have_is_left_out(ledger: Database) -> None:
    stranger = UUID(int=99)
    assert await settled_by(ledger, [payment(stranger), payment(HELD[0])]) == {HELD[0]: paid()}
    assert await settled_by(ledger, [payment(stranger)]) == {}
    assert await release(ledger, stranger) is None


async def test_a_late_payment_is_remembered_and_the_first_one_stays(ledger: Database) -> None:
    await release(ledger, HELD[0])
    released = {HELD[0]: Settled(state=State.RELEASED, reference=None)}
    assert await settled_by(ledger, [payment(HELD[0], "late-1")]) == released
    assert await settled_by(ledger, [payment(HELD[0], "late-2")]) == released
    rows = await ledger.rows(
        "select state, payment_reference, refused_payment_reference from reservation where id = $1",
        HELD[0],
    )
    assert [tuple(row) for row in rows] == [("released", None, "late-1")]


async def test_a_release_gives_back_once(ledger: Database, sale_id: str) -> None:
    released = Settled(state=State.RELEASED, reference=None)
    assert await release(ledger, HELD[0]) == released
    assert await release(ledger, HELD[0]) == released
    assert await taken(ledger, sale_id) == {LAMP: 4, MUG: 2}
    assert await asked_back(ledger) == [f"{HELD[0].hex}r"]


async def test_a_release_of_what_is_paid_says_so(ledger: Database, sale_id: str) -> None:
    await pay(ledger, [payment(HELD[0])])
    assert await release(ledger, HELD[0]) == paid()
    assert await taken(ledger, sale_id) == {LAMP: 6, MUG: 3}


async def test_a_hold_is_expired_when_its_time_is_up_and_not_before(
    ledger: Database, sale_id: str
) -> None:
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 0
    await ledger.execute("update reservation set deadline = now() where id = $1", HELD[1])
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 1
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 0
    assert await taken(ledger, sale_id) == {LAMP: 4, MUG: 2}
    assert await asked_back(ledger) == [f"{HELD[1].hex}x"]


async def test_a_hold_past_its_time_can_be_paid_until_the_sweeper_takes_it(
    ledger: Database, sale_id: str
) -> None:
    await end_all_holds(ledger)
    assert await settled_by(ledger, [payment(HELD[0])]) == {HELD[0]: paid()}
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 2


async def test_the_sweeper_takes_no_more_than_asked_and_no_other_sale(
    ledger: Database, sale_id: str
) -> None:
    await open_sale(ledger, draft("another", {LAMP: 10}))
    await filled_mirror(ledger, "another")
    await commit(ledger, admitting("another", ids(7)))
    await end_all_holds(ledger)
    assert await expire(ledger, sale_id, count=2, usual_pause=USUAL_PAUSE) == 2
    assert await expire(ledger, sale_id, count=2, usual_pause=USUAL_PAUSE) == 1
    assert (await find(ledger, ids(7)))[ids(7)[0]].state is State.HELD


async def test_the_sweeper_leaves_what_somebody_is_settling(ledger: Database, sale_id: str) -> None:
    await end_all_holds(ledger)
    async with ledger.transaction() as connection:
        await connection.execute("select from reservation where id = $1 for update", HELD[0])
        async with asyncio.timeout(1):
            assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 2


async def test_pay_release_and_expire_race_and_one_of_them_wins(
    ledger: Database, sale_id: str
) -> None:
    """Every hold is wanted by all three at the same moment, over connections of their own."""
    contested = [UUID(int=number) for number in range(100, 130)]
    await commit(ledger, admitting(sale_id, contested, began=3, lines=BOTH))
    await ledger.execute("update reservation set deadline = now() where id = any($1)", contested)

    async with asyncio.TaskGroup() as tasks:
        told: list[asyncio.Task[dict[UUID, Paid]]] = []
        left: list[asyncio.Task[Settled | None]] = []
        for number, each in enumerate(contested):
            told.append(tasks.create_task(pay(ledger, [payment(each, f"payment-{number}")])))
            left.append(tasks.create_task(release(ledger, each)))
            if number % 10 == 5:
                tasks.create_task(expire(ledger, sale_id, count=5, usual_pause=USUAL_PAUSE))

    rows = await find(ledger, contested)
    won: Counter[str] = Counter(row.state for row in rows.values())
    assert won[State.HELD] == 0
    assert won.total() == 30
    for each, payer, leaver in zip(contested, told, left, strict=True):
        assert payer.result()[each].settled.state == rows[each].state
        released = leaver.result()
        assert released is not None
        assert released.state == rows[each].state
    active = 3 + won[State.PAID]
    assert await taken(ledger, sale_id) == {LAMP: 2 * active, MUG: active}
    back = await asked_back(ledger)
    assert len(back) == len(set(back)) == won[State.RELEASED] + won[State.EXPIRED]


async def test_the_same_release_many_times_at_once_gives_back_once(
    ledger: Database, sale_id: str
) -> None:
    await asyncio.gather(*(release(ledger, HELD[0]) for _ in range(8)))
    assert await taken(ledger, sale_id) == {LAMP: 4, MUG: 2}
    assert len(await asked_back(ledger)) == 1


# Holds do not age while nobody can settle them


async def shift_seconds(database: Database, sale_id: str) -> float:
    row = await database.row(
        "select extract(epoch from shift)::float8 from hold_clock where sale_id = $1", sale_id
    )
    assert row is not None
    return float(row[0])


async def no_sweep_since(database: Database, sale_id: str, seconds: float) -> None:
    await database.execute(
        "update hold_clock set swept_at = clock_timestamp() - make_interval(secs => $2) "
        "where sale_id = $1",
        sale_id,
        seconds,
    )


async def test_a_usual_pause_shifts_nothing(ledger: Database, sale_id: str) -> None:
    await no_sweep_since(ledger, sale_id, 4)
    await tick_hold_clock(ledger, sale_id, USUAL_PAUSE)
    assert await shift_seconds(ledger, sale_id) == 0


async def test_an_outage_is_added_to_every_hold_of_the_sale_once(
    ledger: Database, sale_id: str
) -> None:
    before = (await find(ledger, HELD))[HELD[0]].expires_at
    await no_sweep_since(ledger, sale_id, 65)
    await asyncio.gather(*(tick_hold_clock(ledger, sale_id, USUAL_PAUSE) for _ in range(6)))
    assert 65 <= await shift_seconds(ledger, sale_id) < 67
    after = (await find(ledger, HELD))[HELD[0]].expires_at
    assert 65 <= (after - before).total_seconds() < 67

    await ledger.execute("update reservation set deadline = now() - interval '55 seconds'")
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 0
    await ledger.execute("update reservation set deadline = now() - interval '70 seconds'")
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 3


async def test_a_hold_that_was_about_to_end_lasts_as_long_after_an_outage(
    ledger: Database, sale_id: str
) -> None:
    """It had two seconds left as the outage began, and nobody could pay meanwhile."""
    await ledger.execute("update reservation set deadline = now() - interval '63 seconds'")
    await no_sweep_since(ledger, sale_id, 65)
    await tick_hold_clock(ledger, sale_id, USUAL_PAUSE)
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 0


async def test_a_hold_begins_at_its_commit_whatever_was_added_before(
    ledger: Database, sale_id: str
) -> None:
    await no_sweep_since(ledger, sale_id, 65)
    await tick_hold_clock(ledger, sale_id, USUAL_PAUSE)
    await commit(ledger, admitting(sale_id, ids(9), began=3))
    row = await ledger.row("select now() from hold_clock")
    assert row is not None
    expires = (await find(ledger, ids(9)))[ids(9)[0]].expires_at
    assert 599 < (expires - row[0]).total_seconds() <= 600


async def test_nothing_expires_before_an_outage_was_added(ledger: Database, sale_id: str) -> None:
    """A sweeper that was stopped between its heartbeat and its sweep must not sweep."""
    await end_all_holds(ledger)
    await no_sweep_since(ledger, sale_id, 65)
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 0
    await tick_hold_clock(ledger, sale_id, USUAL_PAUSE)
    assert await expire(ledger, sale_id, count=10, usual_pause=USUAL_PAUSE) == 0


async def test_a_sale_that_is_gone_has_no_clock_to_tick(database: Database) -> None:
    await tick_hold_clock(database, "nowhere", USUAL_PAUSE)
