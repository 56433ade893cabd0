"""A purchase from its first look to its end, through the public interface alone; and what buyers of
other systems complain of, by the numbers that research has given these pains.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from buyer import Answer
from kept_shop import KeptShop, is_problem, until_true
from purchase import Till

from reconciler import relay

pytestmark = pytest.mark.asyncio(loop_scope="module")

# From the moment that a hold is over until its units count for nobody: the relay looks so often,
# and the rest is for a busy machine.
BACK_SECONDS = relay.IDLE_SECONDS[1] + 1.0
SHORT_HOLD_SECONDS = 1


@pytest_asyncio.fixture(loop_scope="module")
async def sale_id(shop: KeptShop) -> AsyncIterator[str]:
    """Two lamps, of which each customer may have one."""
    sale_id = await shop.sell({"LAMP-1": 2, "MUG": 9}, limit=1)
    yield sale_id
    await shop.audited(sale_id)


@pytest_asyncio.fixture(loop_scope="module")
async def hasty_sale_id(shop: KeptShop) -> AsyncIterator[str]:
    """The same, with holds that are soon over."""
    sale_id = await shop.sell({"LAMP-1": 2}, limit=1, hold_seconds=SHORT_HOLD_SECONDS)
    yield sale_id
    await shop.audited(sale_id)


class Customer:
    """What somebody's browser sends."""

    def __init__(self, shop: KeptShop, settle_key: str, sale_id: str) -> None:
        self.name = f"customer-{uuid4().hex}"
        self.shop = shop
        self.settle_key = settle_key
        self.sale = f"/v1/sales/{sale_id}"
        self.sale_id = sale_id

    async def send(self, method: str, path: str, body: object = None) -> Answer:
        return await self.shop.send(method, path, token=self.shop.token(self.name), body=body)

    async def get(self, path: str) -> Any:
        answer = await self.send("GET", path)
        assert answer.status == 200, answer
        return answer.body

    async def buy(self) -> Till:
        """One lamp, as soon as it is to be had; nothing else may be in its way."""
        began = time.monotonic()
        while (answer := await self.shop.buy(self.sale_id, self.name)).status != 201:
            assert answer.body["code"] in {"purchase-limit-exceeded", "insufficient-stock"}
            assert time.monotonic() - began < BACK_SECONDS, answer
            await asyncio.sleep(0.02)
        return Till(self.shop, self.settle_key, answer, self.name)


@pytest.fixture
def customer(shop: KeptShop, settle_key: str, sale_id: str) -> Customer:
    return Customer(shop, settle_key, sale_id)


@pytest.fixture
def hesitant(shop: KeptShop, settle_key: str, hasty_sale_id: str) -> Customer:
    return Customer(shop, settle_key, hasty_sale_id)


async def test_browse_fill_a_cart_check_out_and_pay(customer: Customer) -> None:
    assert "LAMP-1" in {item["sku"] for item in (await customer.get("/v1/products"))["items"]}
    items = (await customer.get(customer.sale))["items"]
    prices = {item["sku"]: item["price"] for item in items}
    for sku, quantity in (("LAMP-1", 1), ("MUG", 1)):
        path = f"{customer.sale}/cart/items/{sku}"
        assert (await customer.send("PUT", path, {"quantity": quantity})).status == 200
    bought = await customer.send("POST", f"{customer.sale}/checkout", {})
    assert bought.status == 201, bought
    assert bought.body["total"] == prices["LAMP-1"] + prices["MUG"]
    assert (await customer.get(f"{customer.sale}/cart"))["lines"] == []
    till = Till(customer.shop, customer.settle_key, bought, customer.name)
    assert (await till.confirm()).body["state"] == "paid"
    (mine,) = (await customer.get("/v1/reservations?state=paid"))["items"]
    assert mine["id"] == bought.body["id"]


async def test_browse_check_out_let_it_expire_and_buy_again(hesitant: Customer) -> None:
    """Pain 11: blocked by one's own hold. The limit is one, and the expired one does not count."""
    (lamp,) = (await hesitant.get(f"{hesitant.sale}/stock"))["items"]
    assert lamp == {"sku": "LAMP-1", "available": 2}
    first = await hesitant.buy()
    again = await hesitant.shop.buy(hesitant.sale_id, hesitant.name)
    assert is_problem(again, 409, "purchase-limit-exceeded")
    await until_true(first.is_expired)
    second = await hesitant.buy()
    assert (await second.confirm()).body["state"] == "paid"
    states = {each["state"] for each in (await hesitant.get("/v1/reservations"))["items"]}
    assert states == {"expired", "paid"}


async def test_check_out_and_pay_late(hesitant: Customer) -> None:
    """Pain 3: paid after the hold lapsed."""
    till = await hesitant.buy()
    await until_true(till.is_expired)
    paid = await till.confirm()
    assert (paid.status, paid.body["state"]) == (200, "paid")
    assert (await till.read()).body["replaced_by"] == paid.body["id"]
    (mine,) = (await hesitant.get("/v1/reservations?state=paid"))["items"]
    assert mine["id"] == paid.body["id"]


async def test_whoever_gives_a_hold_up_can_buy_again(customer: Customer) -> None:
    """Pain 11, where the buyer has changed their mind."""
    for _ in range(3):
        till = await customer.buy()
        assert (await till.release()).status == 200
    assert (await (await customer.buy()).confirm()).status == 200


async def test_dead_holds_make_no_false_sold_out(
    shop: KeptShop, settle_key: str, hasty_sale_id: str
) -> None:
    """Pain 4: what nobody pays is on sale again, over and over."""
    for _ in range(2):
        tills = [await Customer(shop, settle_key, hasty_sale_id).buy() for _ in range(2)]
        late = await shop.buy(hasty_sale_id, "tom")
        assert is_problem(late, 409, "insufficient-stock")
        for till in tills:
            await until_true(till.is_expired)
    assert (await (await Customer(shop, settle_key, hasty_sale_id).buy()).confirm()).status == 200


async def test_a_double_submit_is_one_order_and_one_charge(customer: Customer) -> None:
    """Pain 9: the key is the customer's, and a repetition finds what the first has done."""
    clicks = await asyncio.gather(
        *(customer.shop.buy(customer.sale_id, customer.name, key="my-order") for _ in range(10))
    )
    assert sorted(click.status for click in clicks) == [200] * 9 + [201]
    (id_,) = {click.body["id"] for click in clicks}
    bought = next(click for click in clicks if click.status == 201)
    till = Till(customer.shop, customer.settle_key, bought, customer.name)
    charges = await asyncio.gather(*(till.confirm("charge-1") for _ in range(10)))
    assert {(charge.status, charge.body["id"]) for charge in charges} == {(200, id_)}
    assert len((await customer.get("/v1/reservations"))["items"]) == 1


async def test_a_webhook_that_races_the_buyers_own_return_confirms_once(
    customer: Customer,
) -> None:
    """Pain 10: both tell of one payment, and may come before the ledger has the order."""
    with customer.shop.frozen("reconciler-1"):
        till = await customer.buy()
        both = [asyncio.create_task(till.confirm("charge-1")) for _ in range(2)]
        await asyncio.sleep(0)
    webhook, returned = await asyncio.gather(*both)
    assert webhook.body | {"server_time": ""} == returned.body | {"server_time": ""}
    assert (webhook.status, webhook.body["state"]) == (200, "paid")
    assert is_problem(await till.confirm("charge-2"), 409, "already-paid")
