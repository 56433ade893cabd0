"""The Python client at a real gateway, whose answers get lost and which restarts."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from chaos.link import Link, listening_on_a_port
from documents import README
from kept_shop import KeptShop
from waiting import until

from doorbuster.client import (
    Cart,
    Gateway,
    NoStream,
    Refused,
    Reservation,
    Reserved,
    SoldOut,
    Stock,
    Unknown,
    connect,
    new_key,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def linked(shop: KeptShop) -> AsyncIterator[tuple[Gateway, Link]]:
    """A client behind a link that a test may hurt."""
    seed = random.randrange(2**32)
    print("seed", seed)
    host, port = shop.address
    link = Link(lambda: asyncio.open_connection(host, port), random.Random(seed))
    async with (
        listening_on_a_port(link) as near,
        connect(f"http://127.0.0.1:{near}", seconds=20) as gateway,
    ):
        yield gateway, link


async def test_a_life_from_the_checkout_to_the_payment(shop: KeptShop) -> None:
    sale_id = await shop.sell(10, limit=3)
    async with linked(shop) as (gateway, _):
        buyer, key = gateway.customer(shop.token("ada")), new_key()
        first = await buyer.checkout(sale_id, {"LAMP-1": 2}, key=key)
        again = await buyer.checkout(sale_id, {"LAMP-1": 2}, key=key)
        assert isinstance(first, Reserved)
        assert isinstance(again, Reserved)
        assert (first.replayed, again.replayed) == (False, True)
        assert first.reservation.id == again.reservation.id
        third = await buyer.checkout(sale_id, {"LAMP-1": 2})
        assert isinstance(third, Refused)
        assert (third.code, third.members["left"]) == ("purchase-limit-exceeded", 1)
        till = gateway.till(await shop.key())
        paid = await till.confirm(first.reservation.id, "p-1")
        assert isinstance(paid, Reservation)
        assert paid.state == "paid"
        refund = await till.confirm(first.reservation.id, "p-2")
        assert isinstance(refund, Refused)
        assert refund.refund_required
        seen = await buyer.reservation(paid.id)
        assert isinstance(seen, Reservation)
        assert (seen.state, seen.total) == ("paid", 2 * 1999)
        stranger = await gateway.customer(shop.token("eve")).reservation(paid.id)
        assert isinstance(stranger, Refused)
        assert stranger.code == "unknown-reservation"


async def test_a_checkout_whose_answer_is_lost_is_bought_once(shop: KeptShop) -> None:
    sale_id = await shop.sell(100)
    async with linked(shop) as (gateway, link):
        link.loss = 0.5
        buyers = [gateway.customer(shop.token(f"buyer-{number}")) for number in range(30)]
        outcomes = await asyncio.gather(
            *(buyer.checkout(sale_id, {"LAMP-1": 1}) for buyer in buyers)
        )
        assert link.replies_lost > 5
    assert all(isinstance(outcome, Reserved) for outcome in outcomes)
    assert await shop.stock(sale_id) == {"LAMP-1": 70}


async def test_what_nobody_can_say_is_asked_again_later_with_the_same_key(shop: KeptShop) -> None:
    sale_id = await shop.sell(1)
    async with linked(shop) as (gateway, link):
        buyer = gateway.customer(shop.token("ada"))
        link.hold()
        outcome = await buyer.checkout(sale_id, {"LAMP-1": 1}, seconds=0.5)
        assert isinstance(outcome, Unknown)
        link.cut()
        link.resume()
        found = await buyer.checkout(sale_id, {"LAMP-1": 1}, key=outcome.key)
    assert isinstance(found, Reserved)
    assert found.replayed


async def test_a_restart_of_the_gateway_is_waited_for(shop: KeptShop) -> None:
    sale_id = await shop.sell(5)
    async with linked(shop) as (gateway, link):
        buyer, key = gateway.customer(shop.token("ada")), new_key()
        await shop.kill("gateway-1")
        link.cut()
        asked = asyncio.create_task(buyer.checkout(sale_id, {"LAMP-1": 1}, key=key))
        await shop.start("gateway-1")
        outcome = await asked
    assert isinstance(outcome, Reserved)
    assert await shop.stock(sale_id) == {"LAMP-1": 4}


async def test_the_stock_is_watched_over_restarts_to_the_end_of_the_sale(shop: KeptShop) -> None:
    sale_id = await shop.sell(5)
    seen: list[Stock] = []

    async with linked(shop) as (gateway, link), aclosing(gateway.stock(sale_id)) as stock:
        seen.append(await anext(stock))
        await shop.buy(sale_id, "ada", 1)
        seen.append(await anext(stock))
        await shop.kill("gateway-1")
        link.cut()
        await shop.start("gateway-1")
        await shop.buy(sale_id, "bob", 2)
        seen.append(await anext(stock))
        await shop.act(sale_id, "close")
        seen += [each async for each in stock]
    assert [(each.items["LAMP-1"], each.state) for each in seen] == [
        (5, "open"),
        (4, "open"),
        (2, "open"),
        (2, "closed"),
    ]


async def test_a_sale_that_is_none_has_no_stream(shop: KeptShop) -> None:
    async with linked(shop) as (gateway, _):
        with pytest.raises(NoStream):
            await anext(gateway.stock(f"none-{uuid4().hex}"))


async def test_a_hold_is_given_up(shop: KeptShop) -> None:
    sale_id = await shop.sell(1)
    async with linked(shop) as (gateway, _):
        buyer = gateway.customer(shop.token("ada"))
        outcome = await buyer.checkout(sale_id, {"LAMP-1": 1})
        assert isinstance(outcome, Reserved)
        sold_out = await gateway.customer(shop.token("bob")).checkout(sale_id, {"LAMP-1": 1})
        assert sold_out == SoldOut(left={"LAMP-1": 0})
        released = await buyer.release(outcome.reservation.id)
    assert isinstance(released, Reservation)
    assert released.state == "released"


async def test_a_cart_is_filled_bought_and_followed_to_its_payment(shop: KeptShop) -> None:
    sale_id = await shop.sell({"LAMP-1": 5, "MUG": 5, "KETTLE": 5})
    async with linked(shop) as (gateway, link):
        link.loss = 0.3
        buyer, till = gateway.customer(shop.token("ada")), gateway.till(await shop.key())
        for sku in ("LAMP-1", "MUG", "KETTLE"):
            assert isinstance(await buyer.put_into_cart(sale_id, sku, 2), Cart)
        await buyer.take_out_of_cart(sale_id, "KETTLE")
        cart = await buyer.cart(sale_id)
        assert isinstance(cart, Cart)
        assert {line.sku: line.quantity for line in cart.lines} == {"LAMP-1": 2, "MUG": 2}
        outcome = await buyer.checkout(sale_id)
        assert isinstance(outcome, Reserved)
        assert outcome.reservation.total == cart.total
        emptied = await buyer.empty_cart(sale_id)
        assert isinstance(emptied, Cart)
        assert emptied.lines == ()

        later = outcome.reservation.expires_at + timedelta(seconds=30)
        assert isinstance(await till.extend(outcome.reservation.id, later), Reservation)
        assert isinstance(await till.confirm(outcome.reservation.id, "p-1"), Reservation)
        async with aclosing(buyer.order(outcome.reservation.id)) as order:
            states = [each.state async for each in order]
    assert states[-1] == "paid"
    assert await shop.stock(sale_id) == {"KETTLE": 5, "LAMP-1": 3, "MUG": 3}


async def test_a_product_that_a_sale_has_not_is_put_into_no_cart(shop: KeptShop) -> None:
    async with linked(shop) as (gateway, _):
        refused = await gateway.customer(shop.token("ada")).put_into_cart(
            await shop.sell(), "MUG", 1
        )
    assert isinstance(refused, Refused)
    assert refused.code == "unknown-sku"


async def test_the_readme_shows_what_happens(
    shop: KeptShop, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = README.blocks("python")
    host, port = shop.address
    sale_id = await shop.sell(5)
    readme: dict[str, Any] = {}
    exec(shown.replace("http://127.0.0.1:8000", f"http://{host}:{port}"), readme)  # noqa: S102
    printed: list[str] = []

    def said(text: str) -> bool:
        printed.append(capsys.readouterr().out)
        return text in "".join(printed)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(readme["buy"](shop.token("ada"), sale_id))
        await until(lambda: said("4 left"))
        await shop.act(sale_id, "close")
    assert said("held until 20")
