"""What the admit script decides of one checkout."""

from itertools import count

import pytest
from selling import HOUR_MS, LAMP, MUG, Offer, Sale, digest, reservation, wish

from lua.admission import (
    Admitted,
    Changed,
    NotOpen,
    Outcome,
    OverLimit,
    Replayed,
    Reused,
    Short,
    UnknownSku,
)
from lua.entry import Kind
from lua.faults import ScriptFault
from lua.reservation import StoredReservation
from lua.server import Server
from lua.store import Applied, Returned

pytestmark = pytest.mark.every_redis

WINDOW_ENDS = [("opens_at_ms", "scheduled", "open"), ("closes_at_ms", "open", "closed")]


async def test_an_admission_takes_the_units_and_counts_a_version(sale: Sale) -> None:
    decided = await sale.decide(wish(1, f"{LAMP}:3:500"))
    assert decided.outcomes == [Admitted(version=1)]
    assert decided.version == 1
    record = await sale.record()
    assert (record.version, record.reservations, record.items[LAMP].available) == (1, 1, 7)


async def test_an_admission_is_stored_as_the_door_reads_it(sale: Sale) -> None:
    decided = await sale.decide(wish(1, f"{LAMP}:3:500;{MUG}:1:90"))
    stored = await sale.store.find(sale.epoch, reservation(1))
    assert stored is not None
    parsed = StoredReservation.parse(stored)
    assert parsed == StoredReservation(
        state="held",
        customer=digest("ada"),
        fingerprint=digest(f"{LAMP}:3;{MUG}:1"),
        version=1,
        created_at_ms=decided.now_ms,
        lines=f"{LAMP}:3:500;{MUG}:1:90",
    )
    assert parsed.encode() == stored


async def test_an_admission_appends_the_checkout_as_it_was_encoded(sale: Sale) -> None:
    decided = await sale.decide(wish(1, f"{LAMP}:3:500;{MUG}:1:90"))
    (entry,) = await sale.entries()
    assert (entry.kind, entry.epoch, entry.first, entry.last) == (Kind.ADMISSIONS, 1, 1, 1)
    assert entry.at_ms == decided.now_ms
    assert entry.stock == {LAMP: 7, MUG: 4}
    assert entry.body == wish(1, f"{LAMP}:3:500;{MUG}:1:90")


async def test_the_last_unit_is_sold_and_no_more(sale: Sale) -> None:
    assert await sale.admit(wish(1, f"{LAMP}:10:500")) == [Admitted(version=1)]
    assert await sale.admit(wish(2)) == [Short(available={LAMP: 0})]


async def test_a_checkout_is_all_or_nothing_and_every_short_line_is_named(sale: Sale) -> None:
    before = await sale.everything()
    lines = f"{LAMP}:11:500;{MUG}:2:90"
    assert await sale.admit(wish(1, lines)) == [Short(available={LAMP: 10})]
    await sale.store.lower(sale.epoch, request="r", sku=MUG, units=4, context="{}")
    assert await sale.admit(wish(1, lines)) == [Short(available={LAMP: 10, MUG: 1})]
    after = await sale.everything()
    assert before.keys() < after.keys()  # the stream, by the lowering alone
    assert [entry.kind for entry in await sale.entries()] == [Kind.LOWERING]


async def test_a_sku_that_stands_twice_counts_as_their_sum(sale: Sale) -> None:
    assert await sale.admit(wish(1, f"{LAMP}:6:500;{LAMP}:5:500")) == [Short(available={LAMP: 10})]
    assert await sale.admit(wish(2, f"{MUG}:1:90;{MUG}:2:90")) == [OverLimit(sku=MUG, left=2)]
    assert await sale.admit(wish(3, f"{LAMP}:6:500;{LAMP}:4:500")) == [Admitted(version=1)]
    assert await sale.available() == 0


async def test_the_limit_counts_what_the_customer_holds(sale: Sale) -> None:
    assert await sale.admit(wish(1, f"{MUG}:1:90")) == [Admitted(version=1)]
    assert await sale.admit(wish(2, f"{MUG}:2:90")) == [OverLimit(sku=MUG, left=1)]
    assert await sale.admit(wish(3, f"{MUG}:1:90")) == [Admitted(version=2)]
    assert await sale.admit(wish(4, f"{MUG}:1:90")) == [OverLimit(sku=MUG, left=0)]
    assert await sale.admit(wish(5, f"{MUG}:2:90", customer="bob")) == [Admitted(version=3)]


async def test_the_limit_comes_before_the_stock(sale: Sale) -> None:
    await sale.admit(wish(1, f"{MUG}:2:90", customer="bob"), wish(2, f"{MUG}:2:90", customer="eve"))
    assert await sale.admit(wish(3, f"{LAMP}:11:500;{MUG}:3:90")) == [OverLimit(sku=MUG, left=2)]


async def test_a_return_makes_room_below_the_limit(sale: Sale) -> None:
    await sale.admit(wish(1, f"{MUG}:2:90"))
    await sale.store.return_units(sale.epoch, [f"{reservation(1)}r"])
    assert await sale.admit(wish(2, f"{MUG}:2:90")) == [Admitted(version=3)]


async def test_returned_reservations_still_count_among_those_a_customer_may_make(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=10)}, reservations_per_customer=2)
    for number in (1, 2):
        assert isinstance((await sale.admit(wish(number)))[0], Admitted)
        await sale.store.return_units(sale.epoch, [f"{reservation(number)}x"])
    assert await sale.admit(wish(3)) == [OverLimit(sku=None, left=0)]
    assert await sale.admit(wish(4, customer="bob")) == [Admitted(version=5)]


async def test_an_unknown_item_is_named(sale: Sale) -> None:
    assert await sale.admit(wish(1, "GONE:1:500")) == [UnknownSku(sku="GONE")]
    assert await sale.admit(wish(1, f"{LAMP}:1:500;GONE:1:1")) == [UnknownSku(sku="GONE")]


async def test_another_price_is_not_sold_at(sale: Sale) -> None:
    assert await sale.admit(wish(1, f"{LAMP}:1:499")) == [Changed()]
    assert await sale.admit(wish(1, f"{LAMP}:1:500;{MUG}:1:91")) == [Changed()]


@pytest.mark.parametrize("lines", [f"{LAMP}:11:500", f"{MUG}:3:90", "GONE:1:500", f"{LAMP}:1:499"])
async def test_a_rejection_leaves_nothing_behind(sale: Sale, lines: str) -> None:
    await sale.admit(wish(1))
    before = await sale.everything()
    assert not isinstance((await sale.admit(wish(2, lines)))[0], Admitted)
    assert await sale.everything() == before


async def test_a_replay_answers_with_what_was_stored_and_changes_nothing(sale: Sale) -> None:
    first = await sale.decide(wish(1, f"{LAMP}:2:500"))
    before = await sale.everything()
    (outcome,) = await sale.admit(wish(1, f"{LAMP}:2:500"))
    assert isinstance(outcome, Replayed)
    assert outcome.stored.state == "held"
    assert outcome.stored.version == 1
    assert outcome.stored.created_at_ms == first.now_ms
    assert await sale.everything() == before


async def test_a_replay_is_answered_before_price_limit_stock_and_state_are_looked_at(
    sale: Sale,
) -> None:
    await sale.admit(wish(1, f"{MUG}:2:90"))
    await sale.admit(wish(2, f"{MUG}:2:90", customer="bob"))
    await sale.admit(wish(3, f"{MUG}:1:90", customer="eve"))
    other_price = wish(1, f"{MUG}:2:70")
    assert isinstance((await sale.admit(other_price))[0], Replayed)
    for revision, state in enumerate(("paused", "closed"), start=2):
        await sale.store.change_state(
            sale.epoch, state=state, opens_at_ms=0, closes_at_ms=0, revision=revision
        )
        assert isinstance((await sale.admit(other_price))[0], Replayed)


async def test_a_replay_is_answered_when_the_customer_used_up_its_reservations(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=10)}, reservations_per_customer=1)
    await sale.admit(wish(1))
    assert isinstance((await sale.admit(wish(1)))[0], Replayed)


async def test_an_id_with_other_lines_or_another_customer_is_reused(sale: Sale) -> None:
    await sale.admit(wish(1))
    assert await sale.admit(wish(1, f"{LAMP}:2:500")) == [Reused()]
    assert await sale.admit(wish(1, customer="bob")) == [Reused()]


@pytest.mark.parametrize(("letter", "state"), [("x", "expired"), ("r", "released")])
async def test_a_settled_id_never_lives_again(sale: Sale, letter: str, state: str) -> None:
    await sale.admit(wish(1))
    assert isinstance(
        await sale.store.return_units(sale.epoch, [f"{reservation(1)}{letter}"]), Returned
    )
    (outcome,) = await sale.admit(wish(1))
    assert isinstance(outcome, Replayed)
    assert outcome.stored.state == state
    assert await sale.admit(wish(1, customer="bob")) == [Reused()]


@pytest.mark.parametrize("state", ["paused", "closed"])
async def test_a_sale_that_is_not_open_admits_nobody(sale: Sale, state: str) -> None:
    changed = await sale.store.change_state(
        sale.epoch, state=state, opens_at_ms=0, closes_at_ms=0, revision=2
    )
    assert changed == Applied(version=1)
    assert await sale.admit(wish(1)) == [NotOpen(state=state)]


@pytest.mark.parametrize(("end", "before", "after"), WINDOW_ENDS)
async def test_the_window_is_by_the_clock_of_redis(
    sale: Sale, end: str, before: str, after: str
) -> None:
    """Asked again and again until the very millisecond was met, at which the state changes."""
    times: set[int] = set()
    for revision in count(2):
        at_ms = (await sale.record()).now_ms + 20
        window = {"opens_at_ms": 0, "closes_at_ms": 0, end: at_ms}
        await sale.store.change_state(1, state="open", revision=revision, **window)
        now_ms = 0
        while now_ms <= at_ms:
            decided = await sale.decide(wish(1, "GONE:1:1"))
            now_ms = decided.now_ms
            assert _state_of(decided.outcomes[0]) == (before if now_ms < at_ms else after)
            times.add(now_ms)
        if at_ms in times:
            break


async def test_a_paused_sale_is_paused_outside_its_window_too(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=1)}, state="paused", opens_at_ms=9_999_999 * HOUR_MS)
    assert await sale.admit(wish(1)) == [NotOpen(state="paused")]


async def test_a_malformed_checkout_stops_the_whole_call(sale: Sale) -> None:
    """A record that nobody should send is refused before anything is written."""
    before = await sale.everything()
    with pytest.raises(ScriptFault):
        await sale.admit(wish(1), wish(2).partition("|")[0])
    assert await sale.everything() == before


def _state_of(outcome: Outcome) -> str:
    return outcome.state if isinstance(outcome, NotOpen) else "open"
