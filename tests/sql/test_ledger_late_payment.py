"""A payment after expiry: paid in another reservation or refunded, and what is told stays so."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from batches import admitting, filled_mirror, ids
from drafts import LAMP, draft, open_sale

from sql.database import Database
from sql.late_payment import (
    Expired,
    NotThere,
    Refunded,
    Replaced,
    has_returns_pending,
    read_expired,
    refuse,
    replace_with,
)
from sql.ledger import commit
from sql.reservations import State
from sql.settlement import Payment, Settled, expire, pay, release

USUAL_PAUSE = timedelta(seconds=5)
OLD, NEW, THIRD = ids(1, 2, 3)


@pytest.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    """One hold that has expired."""
    await open_sale(database, draft(sale_id, {LAMP: 1000}))
    await filled_mirror(database, sale_id)
    await commit(database, admitting(sale_id, [OLD]))
    await end(database, sale_id)
    return database


async def end(database: Database, sale_id: str) -> None:
    await database.execute("update reservation set deadline = now() where state = 'held'")
    assert await expire(database, sale_id, count=1000, usual_pause=USUAL_PAUSE) > 0


async def told(database: Database, reference: str, reservation: UUID = OLD) -> Settled:
    paid = await pay(database, [Payment(reservation=reservation, reference=reference)])
    return paid[reservation].settled


def claimed(reference: str, *, refunded: bool = False, by: UUID | None = None) -> Settled:
    return Settled(
        state=State.EXPIRED, reference=None, late=reference, refunded=refunded, replaced_by=by
    )


async def test_the_first_late_payment_has_the_reservation_to_itself(ledger: Database) -> None:
    for reference in ("late-1", "late-2", "late-1"):
        assert await told(ledger, reference) == claimed("late-1")


async def test_of_late_payments_in_one_batch_the_first_has_it(ledger: Database) -> None:
    batch = [Payment(reservation=OLD, reference=f"late-{number}") for number in (1, 2)]
    paid = await pay(ledger, batch)
    assert {each: told.settled for each, told in paid.items()} == {OLD: claimed("late-1")}


async def test_it_pays_what_replaces_the_reservation_once(ledger: Database, sale_id: str) -> None:
    await told(ledger, "late-1")
    assert await replace_with(ledger, OLD, NEW, "late-1") == NotThere()
    await commit(ledger, admitting(sale_id, [NEW], began=1))
    for _ in range(2):
        assert await replace_with(ledger, OLD, NEW, "late-1") == Replaced(by=NEW)
        assert await refuse(ledger, OLD, "late-1") == Replaced(by=NEW)
        assert await told(ledger, "late-1") == claimed("late-1", by=NEW)
    assert await told(ledger, "late-1", NEW) == Settled(state=State.PAID, reference="late-1")


async def test_a_second_late_payment_gets_nothing_whatever_becomes_of_the_first(
    ledger: Database, sale_id: str
) -> None:
    await told(ledger, "late-1")
    await commit(ledger, admitting(sale_id, [NEW], began=1))
    for decide in (replace_with(ledger, OLD, NEW, "late-2"), refuse(ledger, OLD, "late-2")):
        assert await decide == Refunded()
    assert await replace_with(ledger, OLD, NEW, "late-1") == Replaced(by=NEW)
    assert await refuse(ledger, OLD, "late-2") == Refunded()


async def test_who_was_told_to_refund_is_never_paid(ledger: Database, sale_id: str) -> None:
    await told(ledger, "late-1")
    assert await refuse(ledger, OLD, "late-1") == Refunded()
    await commit(ledger, admitting(sale_id, [NEW], began=1))
    for _ in range(2):
        assert await told(ledger, "late-1") == claimed("late-1", refunded=True)
        assert await replace_with(ledger, OLD, NEW, "late-1") == Refunded()
    row = await ledger.row("select state from reservation where id = $1", NEW)
    assert row is not None
    assert row["state"] == "held"


async def test_who_was_told_so_by_an_earlier_release_is_never_paid(
    ledger: Database, sale_id: str
) -> None:
    await ledger.execute("update reservation set refused_payment_reference = 'early'")
    await commit(ledger, admitting(sale_id, [NEW], began=1))
    for reference in ("early", "late-1"):
        assert (await told(ledger, reference)).refunded
        assert await replace_with(ledger, OLD, NEW, reference) == Refunded()


@pytest.mark.parametrize("settle", ["release", "expire", "pay"])
async def test_where_the_new_one_is_settled_otherwise_the_payment_is_refunded(
    ledger: Database, sale_id: str, settle: str
) -> None:
    await told(ledger, "late-1")
    await commit(ledger, admitting(sale_id, [NEW], began=1))
    match settle:
        case "release":
            await release(ledger, NEW)
        case "expire":
            await end(ledger, sale_id)
        case "pay":
            await told(ledger, "somebody else's", NEW)
    for _ in range(2):
        assert await replace_with(ledger, OLD, NEW, "late-1") == Refunded()
        assert await told(ledger, "late-1") == claimed("late-1", refunded=True)


async def test_where_the_new_one_was_paid_by_it_directly_it_replaces(
    ledger: Database, sale_id: str
) -> None:
    await told(ledger, "late-1")
    await commit(ledger, admitting(sale_id, [NEW], began=1))
    await told(ledger, "late-1", NEW)
    assert await replace_with(ledger, OLD, NEW, "late-1") == Replaced(by=NEW)


async def test_a_released_reservation_is_never_replaced(ledger: Database, sale_id: str) -> None:
    await commit(ledger, admitting(sale_id, [NEW, THIRD], began=1))
    await release(ledger, THIRD)
    await told(ledger, "late-1", THIRD)
    assert await replace_with(ledger, THIRD, NEW, "late-1") == Refunded()
    assert await refuse(ledger, THIRD, "late-1") == Refunded()


async def test_of_those_who_replace_and_those_who_refuse_at_once_all_hear_the_same(
    ledger: Database, sale_id: str
) -> None:
    """Two gateways try the same payment, and stock came back, or went, between them."""
    old = [UUID(int=number) for number in range(100, 140)]
    new = [UUID(int=number) for number in range(200, 240)]
    await commit(ledger, admitting(sale_id, old, began=1))
    await end(ledger, sale_id)
    await pay(ledger, [Payment(reservation=each, reference=f"late-{each}") for each in old])
    await commit(ledger, admitting(sale_id, new, began=41))

    async def race(number: int) -> set[type]:
        reference = f"late-{old[number]}"
        tries = [
            replace_with(ledger, old[number], new[number], reference),
            refuse(ledger, old[number], reference),
        ]
        told = await asyncio.gather(*(tries if number % 2 else reversed(tries)))
        return {type(each) for each in told}

    outcomes = await asyncio.gather(*(race(number) for number in range(40)))
    assert all(len(each) == 1 for each in outcomes)
    replaced = await column(ledger, "replaced_by", old)
    states = await column(ledger, "state", new)
    for was, now, outcome in zip(old, new, outcomes, strict=True):
        assert replaced[was] == (now if outcome == {Replaced} else None)
        assert states[now] == ("paid" if outcome == {Replaced} else "held")


async def column(database: Database, name: str, reservations: list[UUID]) -> dict[UUID, object]:
    statement = f"select id, {name} from reservation where id = any($1)"  # noqa: S608
    return {row["id"]: row[name] for row in await database.rows(statement, reservations)}


async def test_the_ledger_itself_keeps_anybody_from_being_paid_and_refunded(
    ledger: Database, sale_id: str
) -> None:
    await told(ledger, "late-1")
    await commit(ledger, admitting(sale_id, [NEW], began=1))
    await replace_with(ledger, OLD, NEW, "late-1")
    for change, constraint in (
        ("refused_payment_reference = 'late-1'", "reservation_replaced_or_refunded"),
        ("late_payment_reference = null", "reservation_replaced_by_late_payment"),
        ("state = 'released'", "reservation_late_payment_after_expiry"),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match=constraint):
            await ledger.execute(f"update reservation set {change} where id = $1", OLD)  # noqa: S608


async def test_whose_units_are_on_their_way_back_is_known(ledger: Database, sale_id: str) -> None:
    assert await has_returns_pending(ledger, sale_id, "ada")
    assert not await has_returns_pending(ledger, sale_id, "tom")
    assert not await has_returns_pending(ledger, "another", "ada")
    await ledger.execute("update outbox set done = true")
    assert not await has_returns_pending(ledger, sale_id, "ada")


async def test_what_an_expired_reservation_had_is_known(ledger: Database, sale_id: str) -> None:
    context = '{"issuer": "shop", "subject": "ada"}'
    await ledger.execute("update reservation set context = $1", context)
    assert await read_expired(ledger, OLD) == Expired(
        sale_id=sale_id,
        customer="ada",
        lines=f"{LAMP}:1:500",
        issuer="shop",
        subject="ada",
        traceparent=None,
    )
    assert await read_expired(ledger, NEW) is None
