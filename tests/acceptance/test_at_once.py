"""What is answered at once is answered byte for byte as the application answers it.

A request with an Origin is left to the application, so each is sent without and with one.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from uuid import uuid4

import pytest
from kept_shop import KeptShop

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORIGIN = {"origin": "https://elsewhere.example"}
LINES = {"lines": [{"sku": "LAMP-1", "quantity": 1}]}
# What differs from one answer to the next, whoever gives it.
CHANGING = re.compile(
    rb'(?<=date: )[^\r]+|(?<=_at":")[^"]+|(?<=_time":")[^"]+'
    rb'|(?<="version":)\d+|(?<=retry-after: )\d+'
    rb"|[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
)


async def answer(
    shop: KeptShop, sale: str, headers: Mapping[str, str], body: bytes, *, origin: bool
) -> bytes:
    """Every byte of the answer, without what changes each time."""
    given = {"x-request-id": "the-same", **headers, **(ORIGIN if origin else {})}
    lines = [f"{name}: {value}" for name, value in given.items()]
    head = [f"POST /v1/sales/{sale}/checkout HTTP/1.1", "host: shop", *lines]
    head.append(f"content-length: {len(body)}")
    reader, writer = await asyncio.open_connection(*shop.address)
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    told = await reader.readuntil(b"\r\n\r\n")
    length = int(told.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    told += await reader.readexactly(length)
    writer.close()
    return CHANGING.sub(b"*", told)


async def both_ways(
    shop: KeptShop, sale: str, headers: Mapping[str, str], body: bytes
) -> tuple[bytes, bytes]:
    """The answer at once, and that of the application."""
    return (
        await answer(shop, sale, headers, body, origin=False),
        await answer(shop, sale, headers, body, origin=True),
    )


def of_customer(shop: KeptShop, **headers: str) -> dict[str, str]:
    """What a checkout of a new customer brings."""
    bearer = f"Bearer {shop.token(uuid4().hex)}"
    given = {"authorization": bearer, "content-type": "application/json"}
    return given | {name.replace("_", "-"): value for name, value in headers.items()}


async def known_sale(
    shop: KeptShop, units: int | dict[str, int], *, sku: str = "LAMP-1", limit: int = 0
) -> str:
    """A sale that somebody has bought one unit from, so that the gateway knows its prices."""
    sale = await shop.sell(units, limit=limit)
    assert (await shop.buy(sale, uuid4().hex, {sku: 1})).status == 201
    return sale


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


async def test_a_reservation_is_told_alike(shop: KeptShop) -> None:
    sale = await known_sale(shop, 100)
    at_once, by_app = await both_ways(shop, sale, of_customer(shop), encoded(LINES))
    assert at_once.startswith(b"HTTP/1.1 201 Created\r\n")
    assert at_once == by_app


async def test_what_waits_for_the_ledger_is_told_alike(shop: KeptShop) -> None:
    sale = await shop.sell(100, durability="ledger")
    assert (await shop.buy(sale, uuid4().hex, {"LAMP-1": 1})).status == 201
    at_once, by_app = await both_ways(shop, sale, of_customer(shop), encoded(LINES))
    assert at_once.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b'"durability":"ledger"' in at_once
    assert at_once == by_app
    with shop.frozen("reconciler-1"):
        at_once, by_app = await both_ways(shop, sale, of_customer(shop), encoded(LINES))
    assert at_once.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert at_once == by_app


async def test_a_repetition_is_told_alike_whoever_told_it_first(shop: KeptShop) -> None:
    sale = await known_sale(shop, 100)
    for first in (False, True):
        headers = of_customer(shop, idempotency_key=uuid4().hex)
        await answer(shop, sale, headers, encoded(LINES), origin=first)
        at_once, by_app = await both_ways(shop, sale, headers, encoded(LINES))
        assert at_once.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nidempotency-replayed: true\r\n" in at_once
        assert at_once == by_app


async def test_what_the_sale_refuses_is_refused_alike(shop: KeptShop) -> None:
    sale = await known_sale(shop, 3, limit=2)
    too_many = {"lines": [{"sku": "LAMP-1", "quantity": 3}]}
    more_than_there_are = {"lines": [{"sku": "MUG", "quantity": 2}]}
    mugs = await known_sale(shop, {"MUG": 2}, sku="MUG")
    for where, body, code in (
        (sale, too_many, b"purchase-limit-exceeded"),
        (mugs, more_than_there_are, b"insufficient-stock"),
        (mugs, LINES, b"unknown-sku"),
        (f"none-{uuid4().hex}", LINES, b"unknown-sale"),
        (sale, {}, b"cart-empty"),
    ):
        at_once, by_app = await both_ways(shop, where, of_customer(shop), encoded(body))
        assert code in at_once
        assert at_once == by_app


async def test_a_paused_sale_is_told_alike(shop: KeptShop) -> None:
    sale = await known_sale(shop, 3)
    await shop.act(sale, "pause")
    at_once, by_app = await both_ways(shop, sale, of_customer(shop), encoded(LINES))
    assert b"sale-paused" in at_once
    assert at_once == by_app


@pytest.mark.parametrize(
    ("changes", "body", "status"),
    [
        ({"authorization": "Bearer nonsense"}, encoded(LINES), 401),
        ({"authorization": "Basic YTpi"}, encoded(LINES), 401),
        ({"authorization": "Bearer dbk_of-a-machine"}, encoded(LINES), 403),
        ({"idempotency-key": "a b"}, encoded(LINES), 400),
        ({"idempotency-key": "k" * 129}, encoded(LINES), 400),
        ({"content-type": "text/plain"}, encoded(LINES), 415),
        ({}, b"{", 400),
        ({}, encoded({"lines": []}), 422),
        ({}, encoded({"lines": [{"sku": "LAMP-1", "quantity": 0}]}), 422),
        ({}, encoded(LINES) + b" " * 20_000, 413),
    ],
)
async def test_a_bad_request_is_refused_alike(
    shop: KeptShop, changes: dict[str, str], body: bytes, status: int
) -> None:
    sale = await known_sale(shop, 3)
    headers = of_customer(shop) | changes
    at_once, by_app = await both_ways(shop, sale, headers, body)
    assert at_once.startswith(b"HTTP/1.1 %d " % status)
    assert at_once == by_app
