"""The line to a gateway is cut at every byte: who tries again has one order, and pays it once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from buyer import Answer, calling
from kept_shop import KeptShop, until_true

pytestmark = [pytest.mark.proof, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 8
UNITS = 10_000


async def test_a_checkout_that_is_cut_anywhere_is_one_order(shop: KeptShop) -> None:
    sale_id = await shop.sell(UNITS)
    length = len(checkout(shop, sale_id, 0))

    async def cut(number: int) -> None:
        await send_and_leave(shop, checkout(shop, sale_id, number)[:number])
        answer = await shop.buy(sale_id, f"customer-{number:04}", key="a-click")
        assert answer.status in {200, 201}, answer

    await side_by_side(cut, length + 1)
    await is_sold(shop, sale_id, length + 1)


async def test_a_payment_that_is_cut_anywhere_is_one_payment(shop: KeptShop) -> None:
    sale_id = await shop.sell(UNITS)
    key = await shop.key("settle")
    bought = await shop.buy(sale_id, "ada")
    length = len(payment(bought, key))

    async def cut(number: int) -> None:
        mine = await shop.buy(sale_id, f"customer-{number}")
        await send_and_leave(shop, payment(mine, key)[:number])
        assert await pay(shop, mine, key) == 200

    await side_by_side(cut, length + 1)
    await is_sold(shop, sale_id, length + 2)


def checkout(shop: KeptShop, sale_id: str, number: int) -> bytes:
    body = json.dumps({"lines": [{"sku": "LAMP-1", "quantity": 1}]})
    return request(
        f"/v1/sales/{sale_id}/checkout",
        body,
        f"authorization: Bearer {shop.token(f'customer-{number:04}')}",
        "idempotency-key: a-click",
    )


def payment(bought: Answer, key: str) -> bytes:
    body = json.dumps({"payment_reference": bought.body["id"]})
    path = f"{bought.headers['location']}/confirm"
    return request(path, body, f"authorization: Bearer {key}")


def request(path: str, body: str, *headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "host: shop",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", body]).encode()


async def send_and_leave(shop: KeptShop, data: bytes) -> None:
    """Nobody waits for the answer, if there is one."""
    _, writer = await asyncio.open_connection(*shop.address)
    with suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
    writer.close()


async def pay(shop: KeptShop, bought: Answer, key: str) -> int:
    """The answer, once there is one: right after the checkout the ledger may not have it."""
    path = f"{bought.headers['location']}/confirm"
    body = {"payment_reference": bought.body["id"]}
    async with calling(shop.address) as line:
        while (answer := await line.send("POST", path, token=key, body=body)).status == 503:
            await asyncio.sleep(0.02)
    return answer.status


async def side_by_side(cut: Callable[[int], Awaitable[None]], count: int) -> None:
    """Each of so many, a few at a time."""
    numbers = iter(range(count))

    async def one_after_another() -> None:
        for number in numbers:
            await cut(number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_another())


async def is_sold(shop: KeptShop, sale_id: str, count: int) -> None:
    """So many orders of one unit each, and nothing else: what nobody waited for is done as well."""

    async def settled() -> bool:
        return await shop.stock(sale_id) == {"LAMP-1": UNITS - count}

    await until_true(settled)
    await shop.audited(sale_id)
    assert await shop.stock(sale_id) == {"LAMP-1": UNITS - count}
