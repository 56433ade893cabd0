"""A checkout of a cart: bought in the version that the gateway encoded, and emptied with it."""

import pytest
from selling import LAMP, MUG, Sale, digest, wish

from lua import keys
from lua.admission import Admitted, CartEmpty, Changed, OverLimit, Replayed, Reused
from lua.terms import FromCart

pytestmark = pytest.mark.every_redis


def _cart(sale: Sale, customer: str = "ada") -> str:
    return keys.cart(sale.store.sale_id, digest(customer))


async def _fill(sale: Sale, text: str, customer: str = "ada") -> None:
    await sale.server.command("SET", _cart(sale, customer), text)


async def _is_empty(sale: Sale, customer: str = "ada") -> bool:
    return await sale.server.command("EXISTS", _cart(sale, customer)) == 0


def _from_cart(version: int, customer: str = "ada") -> FromCart:
    return FromCart(customer=digest(customer), version=version)


async def test_what_is_bought_leaves_the_cart_in_the_same_step(sale: Sale) -> None:
    await _fill(sale, f"7;{LAMP}=1")
    assert await sale.admit(wish(1), terms={0: _from_cart(7)}) == [Admitted(version=1)]
    assert await _is_empty(sale)


async def test_a_cart_in_another_version_is_not_bought_and_stays(sale: Sale) -> None:
    await _fill(sale, f"8;{LAMP}=1;{MUG}=1")
    before = await sale.everything()
    for version in (7, 0):
        assert await sale.admit(wish(1), terms={0: _from_cart(version)}) == [Changed()]
    assert await sale.everything() == before


async def test_a_cart_that_is_not_there_is_empty(sale: Sale) -> None:
    for version in (7, 0):
        assert await sale.admit(wish(1), terms={0: _from_cart(version)}) == [CartEmpty()]


async def test_what_is_refused_stays_in_the_cart(sale: Sale) -> None:
    await _fill(sale, f"7;{MUG}=3")
    before = await sale.everything()
    refused = await sale.admit(wish(1, f"{MUG}:3:90"), terms={0: _from_cart(7)})
    assert refused == [OverLimit(sku=MUG, left=2)]
    assert await sale.everything() == before


async def test_a_retry_finds_its_order_and_not_the_cart_that_was_filled_again(sale: Sale) -> None:
    await _fill(sale, f"7;{LAMP}=1")
    await sale.admit(wish(1, fingerprint="cart"), terms={0: _from_cart(7)})
    (again,) = await sale.admit(wish(1, "", fingerprint="cart"), terms={0: _from_cart(0)})
    assert isinstance(again, Replayed)
    await _fill(sale, f"9;{MUG}=1")
    other = wish(1, f"{MUG}:1:90", fingerprint="cart")
    (again,) = await sale.admit(other, terms={0: _from_cart(9)})
    assert isinstance(again, Replayed)
    assert not await _is_empty(sale)
    assert await sale.admit(wish(1)) == [Reused()]


async def test_a_click_its_retry_and_another_click_share_a_batch(sale: Sale) -> None:
    await _fill(sale, f"7;{LAMP}=1")
    admitted, again, another = await sale.admit(
        wish(1), wish(1), wish(2), terms=dict.fromkeys(range(3), _from_cart(7))
    )
    assert admitted == Admitted(version=1)
    assert isinstance(again, Replayed)
    assert another == CartEmpty()


async def test_carts_of_several_customers_travel_with_checkouts_that_have_none(sale: Sale) -> None:
    for customer in ("ada", "bob", "eve"):
        await _fill(sale, f"7;{LAMP}=1", customer)
    outcomes = await sale.admit(
        wish(1),
        wish(2, customer="bob"),
        wish(3, customer="eve"),
        terms={1: _from_cart(7, "bob"), 2: _from_cart(6, "eve")},
    )
    assert outcomes == [Admitted(version=1), Admitted(version=2), Changed()]
    assert [await _is_empty(sale, name) for name in ("ada", "bob", "eve")] == [False, True, False]
