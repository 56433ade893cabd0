"""What anybody may read of a sale, and the page at `/`."""

from typing import Any

import pytest
from buyer import Answer, calling
from kept_shop import KeptShop

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _get(shop: KeptShop, path: str, **headers: str) -> Answer:
    async with calling(shop.address) as line:
        return await line.send("GET", path, headers=headers)


async def test_a_sale_shows_its_items_and_prices(shop: KeptShop) -> None:
    sale = await shop.sell(units=5, limit=2)
    answer = await _get(shop, f"/v1/sales/{sale}")
    body: dict[str, Any] = answer.body
    assert (answer.status, body["id"], body["state"]) == (200, sale, "open")
    assert body["items"][0].keys() == {"sku", "name", "price", "limit_per_customer"}
    again = await _get(shop, f"/v1/sales/{sale}", **{"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, None)


async def test_what_is_no_sale_is_unknown(shop: KeptShop) -> None:
    for sale in ("nothing", "no%20id"):
        answer = await _get(shop, f"/v1/sales/{sale}")
        assert (answer.status, answer.body["code"]) == (404, "unknown-sale")
