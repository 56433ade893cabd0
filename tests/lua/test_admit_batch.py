"""Checkouts that travel together are decided one after the other, in the order given."""

import pytest
from selling import LAMP, MUG, Offer, Sale, digest, reservation, wish

from lua.admission import (
    MAX_CHECKOUTS,
    MAX_LINES,
    Admitted,
    Decided,
    OverLimit,
    Replayed,
    Reused,
    Short,
)
from lua.reservation import StoredReservation
from lua.server import Server

pytestmark = pytest.mark.every_redis


async def test_a_click_and_its_retry_in_one_batch_are_one_reservation(sale: Sale) -> None:
    decided = await sale.decide(wish(1), wish(1), wish(1))
    stored = await sale.store.find(sale.epoch, reservation(1))
    assert stored is not None
    replay = Replayed(stored=StoredReservation.parse(stored))
    assert decided.outcomes == [Admitted(version=1), replay, replay]
    assert await sale.available() == 9


async def test_an_id_that_another_checkout_of_the_batch_took_is_reused(sale: Sale) -> None:
    outcomes = await sale.admit(wish(1), wish(1, f"{LAMP}:2:500"), wish(1, customer="bob"))
    assert outcomes == [Admitted(version=1), Reused(), Reused()]


async def test_a_rejected_id_may_be_tried_again_in_the_same_batch(sale: Sale) -> None:
    outcomes = await sale.admit(wish(1, f"{LAMP}:11:500"), wish(1), wish(1, f"{LAMP}:11:500"))
    assert outcomes == [Short(available={LAMP: 10}), Admitted(version=1), Reused()]


async def test_the_last_unit_goes_to_the_first_who_asks(sale: Sale) -> None:
    outcomes = await sale.admit(
        wish(1, f"{LAMP}:9:500"), wish(2, customer="bob"), wish(3, customer="eve")
    )
    assert outcomes == [Admitted(version=1), Admitted(version=2), Short(available={LAMP: 0})]


async def test_a_customer_reaches_the_limit_within_a_batch(sale: Sale) -> None:
    outcomes = await sale.admit(
        wish(1, f"{MUG}:1:90"), wish(2, f"{MUG}:1:90"), wish(3, f"{MUG}:1:90")
    )
    assert outcomes == [Admitted(version=1), Admitted(version=2), OverLimit(sku=MUG, left=0)]


async def test_a_customer_uses_up_its_reservations_within_a_batch(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=10)}, reservations_per_customer=2)
    outcomes = await sale.admit(wish(1), wish(2), wish(3))
    assert outcomes == [Admitted(version=1), Admitted(version=2), OverLimit(sku=None, left=0)]


async def test_what_a_rejected_checkout_wanted_is_left_to_the_next(sale: Sale) -> None:
    outcomes = await sale.admit(
        wish(1, f"{LAMP}:10:500;{MUG}:3:90"), wish(2, f"{LAMP}:10:500;{MUG}:2:90")
    )
    assert outcomes == [OverLimit(sku=MUG, left=2), Admitted(version=1)]


async def test_a_batch_is_one_entry_with_contiguous_versions(sale: Sale) -> None:
    wishes = [wish(n, customer=str(n)) for n in range(12)]
    decided = await sale.decide(*wishes)
    assert decided.version == 10
    (entry,) = await sale.entries()
    assert (entry.first, entry.last) == (1, 10)
    assert entry.stock == {LAMP: 0}
    assert entry.body.split("\n") == wishes[:10]


async def test_a_batch_in_which_nobody_is_admitted_appends_nothing(sale: Sale) -> None:
    before = await sale.everything()
    decided = await sale.decide(wish(1, f"{LAMP}:11:500"), wish(2, f"{MUG}:3:90"))
    assert decided.version == 0
    assert await sale.everything() == before


async def test_the_fullest_batch_fits(server: Server, sale_id: str) -> None:
    """As many checkouts, lines and items as one call may have."""
    skus = [f"{'S' * 60}{n:04d}" for n in range(MAX_LINES)]
    sale = Sale(server, sale_id)
    await sale.open({sku: Offer(units=1) for sku in skus})
    each = MAX_LINES // MAX_CHECKOUTS
    wishes = [
        wish(n, ";".join(f"{sku}:1:500" for sku in skus[n * each :][:each]), customer=f"c{n}")
        for n in range(MAX_CHECKOUTS)
    ]
    outcomes = await sale.admit(*wishes)
    assert outcomes == [Admitted(version=n) for n in range(1, MAX_CHECKOUTS + 1)]
    assert (await sale.entries())[0].stock == dict.fromkeys(skus, 0)


async def test_a_batch_beyond_every_bound_is_still_written_whole_or_not_at_all(
    server: Server, sale_id: str
) -> None:
    """More values than Lua can unpack: what was appended must be in the record too."""
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=10_000)})
    decided = await sale.decide(*[wish(n, customer=str(n)) for n in range(4_500)])
    assert decided.version == 4_500
    assert await sale.available() == 10_000 - 4_500
    assert await sale.admit(wish(9_999, customer="next")) == [Admitted(version=4_501)]


async def test_customers_of_a_batch_are_kept_apart(sale: Sale) -> None:
    await sale.admit(wish(1, f"{MUG}:2:90", customer="bob"), wish(2, customer="ada"))
    customers = (await sale.contents()).customers
    assert customers == {digest("bob"): f"1;{MUG}=2", digest("ada"): f"1;{LAMP}=1"}


async def test_the_epoch_of_the_decision_is_the_callers(sale: Sale) -> None:
    decided = await sale.store.admit(sale.epoch, 0, [wish(1)])
    assert isinstance(decided, Decided)
    assert decided.epoch == sale.epoch
