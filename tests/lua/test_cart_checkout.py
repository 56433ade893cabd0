"""A checkout of a cart: bought in the version that the gateway encoded, and emptied with it."""

from dataclasses import replace

import pytest
from own_server import OwnServer
from selling import LAMP, MUG, Offer, Sale, digest, reservation, wish

from lua import keys
from lua.admission import Admitted, CartEmpty, Changed, NotOpen, OverLimit, Replayed, Reused
from lua.carts import Cart
from lua.terms import FromCart

pytestmark = pytest.mark.every_redis


async def fill(sale: Sale, customer: str = "ada", **units: int) -> FromCart:
    """Put lamps and mugs into the customer's cart; the terms on which it is bought as it is now."""
    version = 0
    for word, quantity in units.items():
        sku = {"lamps": LAMP, "mugs": MUG}[word]
        cart = await sale.carts.put(
            sale.store.sale_id, digest(customer), sku=sku, quantity=quantity
        )
        assert isinstance(cart, Cart)
        version = cart.version
    return FromCart(customer=digest(customer), version=version)


async def is_empty(sale: Sale, customer: str = "ada") -> bool:
    key = keys.cart(sale.store.sale_id, digest(customer))
    return await sale.server.command("EXISTS", key) == 0


async def test_what_is_bought_leaves_the_cart_in_the_same_step(sale: Sale) -> None:
    cart = await fill(sale, lamps=2, mugs=1)
    lines = f"{LAMP}:2:500;{MUG}:1:90"
    assert await sale.admit(wish(1, lines), terms={0: cart}) == [Admitted(version=1)]
    assert await is_empty(sale)
    assert (await sale.entries())[0].body == wish(1, lines)


async def test_a_cart_in_another_version_is_not_bought_and_stays(sale: Sale) -> None:
    cart = await fill(sale, lamps=1)
    await fill(sale, mugs=1)
    before = await sale.everything()
    for old in (cart, replace(cart, version=0)):
        assert await sale.admit(wish(1), terms={0: old}) == [Changed()]
    assert await sale.everything() == before


async def test_a_cart_is_not_bought_at_another_price_and_stays(sale: Sale) -> None:
    cart = await fill(sale, lamps=1)
    before = await sale.everything()
    assert await sale.admit(wish(1, f"{LAMP}:1:499"), terms={0: cart}) == [Changed()]
    assert await sale.everything() == before


async def test_a_cart_that_is_not_there_is_empty(sale: Sale) -> None:
    cart = await fill(sale, lamps=1)
    await sale.carts.remove(sale.store.sale_id, digest("ada"))
    for gone in (cart, replace(cart, version=0)):
        assert await sale.admit(wish(1), terms={0: gone}) == [CartEmpty()]


async def test_what_is_refused_stays_in_the_cart(sale: Sale) -> None:
    cart = await fill(sale, mugs=3)
    before = await sale.everything()
    refused = await sale.admit(wish(1, f"{MUG}:3:90"), terms={0: cart})
    assert refused == [OverLimit(sku=MUG, left=2)]
    assert await sale.everything() == before


async def test_a_retry_finds_its_order_and_not_what_was_put_in_since(sale: Sale) -> None:
    cart = await fill(sale, lamps=1)
    await sale.admit(wish(1, fingerprint="cart"), terms={0: cart})
    empty = replace(cart, version=0)
    (again,) = await sale.admit(wish(1, "", fingerprint="cart"), terms={0: empty})
    assert isinstance(again, Replayed)
    newer = await fill(sale, mugs=1)
    (again,) = await sale.admit(wish(1, f"{MUG}:1:90", fingerprint="cart"), terms={0: newer})
    assert isinstance(again, Replayed)
    assert not await is_empty(sale)
    assert await sale.admit(wish(1)) == [Reused()]


async def test_order_and_empty_cart_come_back_together_from_the_log(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5)})
        assert await sale.admit(wish(1), terms={0: await fill(sale, lamps=1)}) == [
            Admitted(version=1)
        ]
    await own_server.restart()
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        assert await sale.store.find(1, reservation(1)) is not None
        assert await is_empty(sale)


async def test_the_state_of_the_sale_comes_before_the_cart(sale: Sale) -> None:
    cart = await fill(sale)
    await sale.store.change_state(
        sale.epoch, state="paused", opens_at_ms=0, closes_at_ms=0, revision=2
    )
    assert await sale.admit(wish(1), terms={0: cart}) == [NotOpen(state="paused")]


async def test_a_click_its_retry_and_another_click_share_a_batch(sale: Sale) -> None:
    cart = await fill(sale, lamps=1)
    admitted, again, another = await sale.admit(
        wish(1), wish(1), wish(2), terms=dict.fromkeys(range(3), cart)
    )
    assert admitted == Admitted(version=1)
    assert isinstance(again, Replayed)
    assert another == CartEmpty()
    assert await sale.available() == 9


async def test_carts_of_several_customers_travel_with_checkouts_that_have_none(sale: Sale) -> None:
    ada, bob, eve = [await fill(sale, name, lamps=1) for name in ("ada", "bob", "eve")]
    outcomes = await sale.admit(
        wish(1, customer="ada"),
        wish(2, customer="bob"),
        wish(3, customer="eve"),
        terms={1: bob, 2: replace(eve, version=eve.version - 1)},
    )
    assert outcomes == [Admitted(version=1), Admitted(version=2), Changed()]
    assert [await is_empty(sale, name) for name in ("ada", "bob", "eve")] == [False, True, False]
    assert await sale.admit(wish(4), terms={0: ada}) == [Admitted(version=3)]
