"""A customer's cart, from the first item to the order, at two gateways as they run for real."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from buyer import Answer, calling
from kept_shop import KeptShop, is_problem, keeping_shop, until_true
from shop import settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

# As many as the tests below open; each has 10 lamps and 10 mugs.
SALES = 14


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    valkey_url: str, shop_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeptShop]:
    """Two gateways, one reconciler."""
    folder = tmp_path_factory.mktemp("shop")
    settings = settings_for(valkey_url, shop_database_url, folder)
    async with keeping_shop(settings, folder, gateways=2) as running:
        # Together they take no longer than one.
        sales = (running.sell({"LAMP-1": 10, "MUG": 10}) for _ in range(SALES))
        running.opened += await asyncio.gather(*sales)
        yield running
    assert not running.faults()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A browser tab of one customer, connected to one of the gateways."""

    shop: KeptShop
    sale_id: str
    customer: str = "mia"
    gateway: int = 0

    @property
    def cart(self) -> str:
        return f"/v1/sales/{self.sale_id}/cart"

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        async with calling(self.shop.addresses[self.gateway]) as line:
            token = self.shop.token(self.customer)
            return await line.send(method, path, token=token, body=body, headers=headers)

    async def put(self, sku: str, quantity: int) -> Answer:
        return await self.send("PUT", f"{self.cart}/items/{sku}", {"quantity": quantity})

    async def remove(self, sku: str) -> Answer:
        return await self.send("DELETE", f"{self.cart}/items/{sku}")

    async def read(self) -> Answer:
        return await self.send("GET", self.cart)

    async def check_out(self, key: str | None = None) -> Answer:
        headers = {"idempotency-key": key} if key else {}
        return await self.send("POST", f"/v1/sales/{self.sale_id}/checkout", {}, **headers)


def lines(answer: Answer) -> dict[str, int]:
    assert answer.status in {200, 201}, answer
    return {line["sku"]: line["quantity"] for line in answer.body["lines"]}


async def test_browse_fill_the_cart_check_out_and_retry(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    here, there = Tab(shop=shop, sale_id=sale_id), Tab(shop=shop, sale_id=sale_id, gateway=1)
    items = (await here.send("GET", f"/v1/sales/{sale_id}")).body["items"]
    for item in items:
        await here.put(item["sku"], 1)
    await there.put("MUG", 3)
    assert lines(await here.read()) == {"LAMP-1": 1, "MUG": 3}

    key = uuid4().hex
    bought = await here.check_out(key)
    assert bought.status == 201
    assert lines(bought) == {"LAMP-1": 1, "MUG": 3}
    assert bought.body["total"] == 4 * 1999
    assert lines(await there.read()) == {}

    again = await there.check_out(key)
    assert again.status == 200
    assert again.headers["idempotency-replayed"] == "true"
    assert again.body["id"] == bought.body["id"]
    assert await shop.stock(sale_id) == {"LAMP-1": 9, "MUG": 7}
    await shop.audited(sale_id)


async def test_the_cart_is_shown_with_prices_and_says_that_it_holds_nothing(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    tab = Tab(shop=shop, sale_id=sale_id)
    await tab.put("MUG", 1)
    answer = await tab.put("LAMP-1", 2)
    await shop.buy(sale_id, "somebody", {"LAMP-1": 9})
    shown = await tab.read()
    assert answer.status == shown.status == 200
    assert shown.headers["cache-control"] == "no-store"
    expires, server = (shown.body.pop(name) for name in ("expires_at", "server_time"))
    left = datetime.fromisoformat(expires) - datetime.fromisoformat(server)
    assert timedelta(days=6) < left <= timedelta(days=7)
    assert shown.body == {
        "sale_id": sale_id,
        "version": answer.body["version"],
        "lines": [
            {"sku": "MUG", "quantity": 1, "unit_price": 1999, "available": 10},
            {"sku": "LAMP-1", "quantity": 2, "unit_price": 1999, "available": 1},
        ],
        "total": 5997,
        "currency": "EUR",
        "holds_stock": False,
    }


async def test_a_line_can_be_changed_and_removed_and_the_cart_emptied(shop: KeptShop) -> None:
    tab = Tab(shop=shop, sale_id=await shop.sell())
    await tab.put("LAMP-1", 2)
    await tab.put("MUG", 1)
    assert lines(await tab.put("LAMP-1", 1)) == {"LAMP-1": 1, "MUG": 1}
    for _ in range(2):
        assert lines(await tab.remove("LAMP-1")) == {"MUG": 1}
    for _ in range(2):
        emptied = await tab.send("DELETE", tab.cart)
        assert lines(emptied) == {}
        assert (emptied.body["version"], emptied.body["expires_at"]) == (0, None)


async def test_a_line_that_another_tab_adds_is_in_the_order_or_still_in_the_cart(
    shop: KeptShop,
) -> None:
    """Whichever way the race goes, nothing that the customer wanted is lost or bought twice."""
    sale_id = await shop.sell()
    here, there = Tab(shop=shop, sale_id=sale_id), Tab(shop=shop, sale_id=sale_id, gateway=1)
    for _ in range(4):
        await here.put("LAMP-1", 1)
        bought, added = await asyncio.gather(here.check_out(), there.put("MUG", 1))
        assert bought.status == 201
        assert added.status == 200
        left = lines(await there.read())
        assert lines(bought) | left == {"LAMP-1": 1, "MUG": 1}
        assert not lines(bought).keys() & left.keys()
        await here.send("DELETE", here.cart)


async def test_two_clicks_with_keys_of_their_own_buy_the_cart_once(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    tabs = [Tab(shop=shop, sale_id=sale_id, gateway=n) for n in (0, 0, 1, 1)]
    await tabs[0].put("LAMP-1", 2)
    answers = await asyncio.gather(*(tab.check_out(uuid4().hex) for tab in tabs))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    assert {each.body["code"] for each in answers if each.status == 409} == {"cart-empty"}
    assert (await shop.stock(sale_id))["LAMP-1"] == 8


async def test_a_click_and_its_retries_with_one_key_are_one_order(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    tabs = [Tab(shop=shop, sale_id=sale_id, gateway=n) for n in (0, 0, 1, 1)]
    await tabs[0].put("LAMP-1", 2)
    key = uuid4().hex
    answers = await asyncio.gather(*(tab.check_out(key) for tab in tabs))
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 201]
    assert len({answer.body["id"] for answer in answers}) == 1


async def test_a_cart_is_filled_before_the_sale_opens_and_bought_when_it_does(
    shop: KeptShop,
) -> None:
    opens_at = datetime.now(UTC) + timedelta(seconds=2)
    tab = Tab(shop=shop, sale_id=await shop.sell({"LAMP-1": 1}, opens_at=opens_at.isoformat()))
    assert lines(await tab.put("LAMP-1", 1)) == {"LAMP-1": 1}
    key = uuid4().hex
    assert is_problem(await tab.check_out(key), 409, "sale-not-open")

    async def is_bought() -> bool:
        return (await tab.check_out(key)).status == 201

    await until_true(is_bought)
    assert lines(await tab.read()) == {}


async def test_what_is_refused_stays_in_the_cart_whole(shop: KeptShop) -> None:
    tab = Tab(shop=shop, sale_id=await shop.sell())
    await tab.put("LAMP-1", 11)
    await tab.put("MUG", 1)
    refused = await tab.check_out()
    assert is_problem(refused, 409, "insufficient-stock")
    assert refused.body["lines"] == [{"sku": "LAMP-1", "available": 10}]
    assert lines(await tab.read()) == {"LAMP-1": 11, "MUG": 1}


async def test_a_key_of_the_cart_is_none_for_lines_and_the_other_way_round(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    tab = Tab(shop=shop, sale_id=sale_id)
    await tab.put("LAMP-1", 1)
    key, other = uuid4().hex, uuid4().hex
    assert (await tab.check_out(key)).status == 201
    assert is_problem(
        await shop.buy(sale_id, "mia", {"LAMP-1": 1}, key), 422, "idempotency-key-reused"
    )
    assert (await shop.buy(sale_id, "mia", {"LAMP-1": 1}, other)).status == 201
    assert is_problem(await tab.check_out(other), 422, "idempotency-key-reused")


async def test_an_empty_cart_is_not_checked_out(shop: KeptShop) -> None:
    tab = Tab(shop=shop, sale_id=await shop.sell())
    assert is_problem(await tab.check_out(uuid4().hex), 409, "cart-empty")
    assert is_problem(await tab.check_out(), 409, "cart-empty")


async def test_a_cart_is_its_customers_alone(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    mia, ben = (Tab(shop=shop, sale_id=sale_id, customer=name) for name in ("mia", "ben"))
    await mia.put("LAMP-1", 1)
    assert lines(await ben.read()) == {}
    assert is_problem(await ben.check_out(), 409, "cart-empty")
    assert lines(await mia.read()) == {"LAMP-1": 1}


async def test_a_replay_of_a_cart_is_answered_after_the_sale_was_closed(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    tab = Tab(shop=shop, sale_id=sale_id)
    await tab.put("LAMP-1", 1)
    key = uuid4().hex
    bought = await tab.check_out(key)
    await tab.put("MUG", 1)
    await shop.act(sale_id, "close")
    again = await tab.check_out(key)
    assert (again.status, again.body["id"]) == (200, bought.body["id"])
    assert is_problem(await tab.check_out(uuid4().hex), 409, "sale-closed")
    assert lines(await tab.read()) == {"MUG": 1}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"quantity": 0}, "DELETE the item to take it out of the cart"),
        ({"quantity": -1}, "Input should be greater than or equal to 1"),
        ({"quantity": 10_001}, "Input should be less than or equal to 10000"),
        ({"quantity": 1.5}, "Input should be a valid integer"),
        ({"quantity": "1"}, "Input should be a valid integer"),
        ({}, "Field required"),
        ({"quantity": 1, "price": 1}, "Extra inputs are not permitted"),
    ],
)
async def test_a_quantity_that_is_none_is_named(
    shop: KeptShop, body: dict[str, Any], detail: str
) -> None:
    tab = Tab(shop=shop, sale_id="friday")
    answer = await tab.send("PUT", f"{tab.cart}/items/LAMP-1", body)
    assert is_problem(answer, 422, "invalid")
    assert detail in answer.body["errors"][0]["detail"]


async def test_what_the_sale_does_not_have_stays_out_of_the_cart(shop: KeptShop) -> None:
    tab = Tab(shop=shop, sale_id=await shop.sell())
    assert is_problem(await tab.put("SOFA", 1), 404, "unknown-sku")
    await tab.put("MUG", 1)
    for name in ("*", "A" * 65, "%20"):
        assert is_problem(await tab.remove(name), 404, "unknown-sku")
        assert is_problem(await tab.put(name, 1), 404, "unknown-sku")
    assert lines(await tab.read()) == {"MUG": 1}


async def test_there_are_no_carts_in_drafts_and_in_sales_that_are_not_there(shop: KeptShop) -> None:
    draft = await shop.draft()
    for sale_id in (draft, "nowhere", "no%20name"):
        tab = Tab(shop=shop, sale_id=sale_id)
        for answer in (await tab.read(), await tab.put("LAMP-1", 1), await tab.remove("LAMP-1")):
            assert is_problem(answer, 404, "unknown-sale")
        assert is_problem(await tab.check_out(), 404, "unknown-sale")


async def test_a_cart_asks_for_a_customers_token(shop: KeptShop) -> None:
    sale_id = await shop.sell()
    path = f"/v1/sales/{sale_id}/cart"
    assert is_problem(await shop.send("GET", path), 401, "unauthenticated")
    key = await shop.key()
    assert is_problem(await shop.send("GET", path, token=key), 403, "forbidden")


async def test_the_hundredth_line_is_the_last(shop: KeptShop) -> None:
    skus = [f"SKU-{n}" for n in range(101)]
    tab = Tab(shop=shop, sale_id=await shop.sell(dict.fromkeys(skus, 1)))
    async with calling(shop.address) as line:
        for sku in skus[:100]:
            answer = await line.send(
                "PUT",
                f"{tab.cart}/items/{sku}",
                token=shop.token("mia"),
                body={"quantity": 1},
            )
            assert answer.status == 200
    assert is_problem(await tab.put(skus[100], 1), 409, "cart-full")
    assert lines(await tab.check_out()) == dict.fromkeys(skus[:100], 1)


async def test_carts_of_a_crowd_are_bought_once_each_and_the_books_balance(shop: KeptShop) -> None:
    """More carts than units; each customer clicks twice, at both gateways."""
    sale_id = await shop.sell()

    async def shopper(name: str) -> list[Answer]:
        tabs = [Tab(shop=shop, sale_id=sale_id, customer=name, gateway=n) for n in (0, 1)]
        await tabs[0].put("LAMP-1", 1)
        key = uuid4().hex
        return await asyncio.gather(*(tab.check_out(key) for tab in tabs))

    answers = await asyncio.gather(*(shopper(f"shopper-{n}") for n in range(30)))
    assert sum({each.status for each in pair} == {200, 201} for pair in answers) == 10
    refused = [each.body["code"] for pair in answers for each in pair if each.status == 409]
    assert refused == ["insufficient-stock"] * 40
    await until_true(lambda: _is_sold_out(shop, sale_id))
    await shop.audited(sale_id)


async def _is_sold_out(shop: KeptShop, sale_id: str) -> bool:
    return (await shop.stock(sale_id))["LAMP-1"] == 0
