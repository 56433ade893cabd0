"""A payment after expiry is a checkout on terms of its own: the sale may be over, not paused."""

import pytest
from selling import HOUR_MS, LAMP, MUG, Offer, Sale, wish

from lua.admission import Admitted, Changed, LedgerBehind, NotOpen, OverLimit, Replayed, Short
from lua.server import Server
from lua.store import Unproven
from lua.terms import Late

pytestmark = pytest.mark.every_redis

LATE = {0: Late()}
FAR = 9_999_999 * HOUR_MS


async def _change(sale: Sale, state: str, opens_at_ms: int = 0, closes_at_ms: int = 0) -> None:
    record = await sale.record()
    await sale.store.change_state(
        sale.epoch,
        state=state,
        opens_at_ms=opens_at_ms,
        closes_at_ms=closes_at_ms,
        revision=record.state_revision + 1,
    )


@pytest.mark.parametrize(
    ("state", "opens_at_ms", "closes_at_ms", "met"),
    [("closed", 0, 0, "closed"), ("open", 0, 1, "closed"), ("open", FAR, 0, "scheduled")],
)
async def test_neither_the_end_of_the_sale_nor_its_window_refuses_it(
    sale: Sale, state: str, opens_at_ms: int, closes_at_ms: int, met: str
) -> None:
    await _change(sale, state, opens_at_ms, closes_at_ms)
    ordinary, late = await sale.admit(wish(1), wish(2), terms={1: Late()})
    assert ordinary == NotOpen(state=met)
    assert late == Admitted(version=2)
    assert await sale.available() == 9


async def test_a_pause_refuses_it_within_the_window_and_outside(sale: Sale) -> None:
    await _change(sale, "paused")
    assert await sale.admit(wish(1), terms=LATE) == [NotOpen(state="paused")]
    await _change(sale, "paused", closes_at_ms=1)
    assert await sale.admit(wish(1), terms=LATE) == [NotOpen(state="paused")]


async def test_limit_price_and_stock_hold_for_it(sale: Sale) -> None:
    await _change(sale, "closed")
    outcomes = await sale.admit(
        wish(1, f"{MUG}:3:90"),
        wish(2, f"{LAMP}:11:500"),
        wish(3, f"{LAMP}:1:499"),
        terms=dict.fromkeys(range(3), Late()),
    )
    assert outcomes == [OverLimit(sku=MUG, left=2), Short(available={LAMP: 10}), Changed()]


async def test_so_do_the_cap_of_reservations_and_the_ledgers_backlog(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    offers = {LAMP: Offer(units=10)}
    await sale.open(offers, reservations_per_customer=1, backlog_limit=2)
    wishes = [wish(1), wish(2), wish(3, customer="bob"), wish(4, customer="eve")]
    outcomes = await sale.admit(*wishes, terms=dict.fromkeys(range(4), Late()))
    assert outcomes[:2] == [Admitted(version=1), OverLimit(sku=None, left=0)]
    assert outcomes[2:] == [Admitted(version=2), LedgerBehind()]


async def test_it_is_admitted_once_and_the_history_shows_an_ordinary_checkout(sale: Sale) -> None:
    await _change(sale, "closed")
    admitted, again = await sale.admit(wish(1), wish(1), terms=dict.fromkeys(range(2), Late()))
    assert admitted == Admitted(version=2)
    assert isinstance(again, Replayed)
    assert (await sale.entries())[-1].body == wish(1)


async def test_an_unproven_sale_refuses_it(sale: Sale) -> None:
    await sale.store.fence(sale.epoch + 1)
    assert await sale.store.admit(sale.epoch, 0, [wish(1)], terms=LATE) == Unproven()
