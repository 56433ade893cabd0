"""Sold out, told without asking Redis, and never to a buyer who was admitted."""

import asyncio
import re
import time
from functools import partial
from uuid import uuid4

import pytest
from kept_shop import KeptShop, is_problem, until_true

from gateway.admission.sold_out import MAX_AGE_SECONDS
from gateway.metrics import FRESH_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a busy machine may take on top of a bound.
SLACK_SECONDS = 3.0
CALLS = re.compile(rb"doorbuster_redis_call_seconds_count (\d+)")


async def test_a_crowd_that_comes_too_late_costs_redis_nothing(shop: KeptShop) -> None:
    sale = await sold_out_sale(shop)
    before = await script_calls(shop)
    answers = await asyncio.gather(*(shop.buy(sale, uuid4().hex) for _ in range(50)))
    assert await script_calls(shop) == before
    for answer in answers:
        assert is_problem(answer, 409, "insufficient-stock")
        assert answer.body["lines"] == [{"sku": "LAMP-1", "available": 0}]


async def test_a_buyer_whose_201_was_lost_finds_the_reservation(shop: KeptShop) -> None:
    sale = await shop.sell(2)
    lost = await shop.buy(sale, "ada", key="lamp")
    assert lost.status == 201
    await sell_out(shop, sale)
    again = await shop.buy(sale, "ada", key="lamp")
    assert (again.status, again.body["id"]) == (200, lost.body["id"])
    assert is_problem(await shop.buy(sale, "ada", key="another"), 409, "insufficient-stock")


async def test_units_that_come_back_are_sold(shop: KeptShop) -> None:
    sale = await shop.sell(2)
    held = await shop.buy(sale, "ada")
    await sell_out(shop, sale)
    path = f"/v1/reservations/{held.body['id']}/release"
    assert (await shop.send("POST", path, token=shop.token("ada"))).status == 200
    await until_true(partial(has_stock, shop, sale))
    came_back = time.monotonic()
    await until_true(partial(is_sold_to_somebody, shop, sale))
    assert time.monotonic() - came_back < MAX_AGE_SECONDS + SLACK_SECONDS
    await shop.audited(sale)


async def test_whoever_bought_what_came_back_finds_it_as_well(shop: KeptShop) -> None:
    sale = await sold_out_sale(shop)
    await shop.grant(sale, 1)
    await until_true(partial(is_sold_to_somebody, shop, sale, "bob", "late"))
    await until_true(partial(is_told_here, shop, sale))
    assert (await shop.buy(sale, "bob", key="late")).status == 200


async def test_a_pause_is_told_although_nothing_is_left(shop: KeptShop) -> None:
    sale = await sold_out_sale(shop)
    await shop.act(sale, "pause")
    await until_true(partial(is_refused, shop, sale, "sale-paused"))


async def test_only_what_is_sold_out_is_refused_here(shop: KeptShop) -> None:
    sale = await shop.sell({"LAMP-1": 1, "MUG": 5})
    await sell_out(shop, sale)
    assert is_problem(
        await shop.buy(sale, "ada", {"LAMP-1": 1, "MUG": 1}), 409, "insufficient-stock"
    )
    assert (await shop.buy(sale, "ada", {"MUG": 2})).status == 201


# What the tests wait for


async def sold_out_sale(shop: KeptShop) -> str:
    """A sale of one unit, which is gone."""
    sale = await shop.sell(1)
    await sell_out(shop, sale)
    return sale


async def sell_out(shop: KeptShop, sale: str) -> None:
    """Buy what is left, and wait until the gateway says so by itself."""
    assert (await shop.buy(sale, uuid4().hex)).status == 201
    await until_true(partial(is_told_here, shop, sale))


async def is_told_here(shop: KeptShop, sale: str) -> bool:
    before = await script_calls(shop)
    assert is_problem(await shop.buy(sale, uuid4().hex), 409, "insufficient-stock")
    return await script_calls(shop) == before


async def has_stock(shop: KeptShop, sale: str) -> bool:
    return (await shop.stock(sale))["LAMP-1"] > 0


async def is_sold_to_somebody(
    shop: KeptShop, sale: str, customer: str = "", key: str | None = None
) -> bool:
    return (await shop.buy(sale, customer or uuid4().hex, key=key)).status == 201


async def is_refused(shop: KeptShop, sale: str, code: str) -> bool:
    return bool((await shop.buy(sale, uuid4().hex)).body["code"] == code)


async def script_calls(shop: KeptShop) -> int:
    """How many calls of Redis the gateway has made to decide checkouts."""
    await asyncio.sleep(FRESH_SECONDS)  # the page is as old as that at the most
    reader, writer = await asyncio.open_connection(*shop.address)
    writer.write(b"GET /metrics HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
    match = CALLS.search(await reader.read())
    writer.close()
    assert match is not None
    return int(match[1])
