"""The stock as a document, for those who poll."""

import re

import httpx
import pytest
from lasting import running
from own_valkey import OwnValkey
from stock_server import serving_stock
from watched_sale import LAMP, MUG, SOON_MS, WatchedSale

from gateway.stock.feed import StockFeed
from lua.server import Server


async def nobody_can_tell(_: str) -> bool | None:
    """A ledger that is down."""
    return None


async def no_sale_is_known(_: str) -> bool | None:
    """A ledger without sales."""
    return False


async def test_it_holds_the_state(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    response = await client.get(f"/v1/sales/{sale.sale_id}/stock")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert re.fullmatch(r".{19}\.\d{3}Z", document.pop("server_time"))
    assert document == {
        "sale_id": sale.sale_id,
        "state": "open",
        "epoch": 1,
        "version": 0,
        "items": [{"sku": LAMP, "available": 10}, {"sku": MUG, "available": 5}],
    }


async def test_items_can_be_named(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    url = f"/v1/sales/{sale.sale_id}/stock"
    response = await client.get(url, params={"sku": MUG})
    assert response.json()["items"] == [{"sku": MUG, "available": 5}]
    response = await client.get(url, params={"sku": "LAMB"})
    assert (response.status_code, response.json()["code"]) == (404, "unknown-sku")


@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"other", {}', '"other",W/{}', "*"])
async def test_a_copy_that_is_right_is_not_sent_again(
    client: httpx.AsyncClient, sale: WatchedSale, wrap: str
) -> None:
    url = f"/v1/sales/{sale.sale_id}/stock"
    etag = (await client.get(url)).headers["etag"]
    assert etag == '"1-0-open"'
    response = await client.get(url, headers={"if-none-match": wrap.format(etag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == etag
    assert response.headers["cache-control"] == "no-cache"


async def test_a_copy_that_is_old_is_sent_anew(
    client: httpx.AsyncClient, feed: StockFeed, sale: WatchedSale
) -> None:
    url = f"/v1/sales/{sale.sale_id}/stock"
    etag = (await client.get(url)).headers["etag"]
    await sale.buy()
    with feed.watch(sale.sale_id) as watch:
        await feed.refresh(watch)
    response = await client.get(url, headers={"if-none-match": etag})
    assert (response.status_code, response.headers["etag"]) == (200, '"1-1-open"')


async def test_a_copy_is_old_when_the_clock_opened_the_sale(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    opens_at_ms = await sale.now_ms() + SOON_MS
    await sale.change_state("open", opens_at_ms=opens_at_ms)
    url = f"/v1/sales/{sale.sale_id}/stock"
    headers = {"if-none-match": '"1-1-scheduled"'}
    await client.get(url)  # from here on, nothing but the clock tells it
    await sale.until(opens_at_ms + 100)
    response = await client.get(url, headers=headers)
    assert (response.status_code, response.headers["etag"]) == (200, '"1-1-open"')
    assert response.json()["state"] == "open"


async def test_an_unknown_sale_is_refused(feed: StockFeed, sale_id: str) -> None:
    async with serving_stock(feed, lookup=no_sale_is_known) as served:
        response = await served.client.get(f"/v1/sales/{sale_id}/stock")
    assert (response.status_code, response.json()["code"]) == (404, "unknown-sale")


async def test_a_sale_that_nothing_is_known_of_is_unverified(
    client: httpx.AsyncClient, sale_id: str
) -> None:
    response = await client.get(f"/v1/sales/{sale_id}/stock")
    assert (response.status_code, response.json()["code"]) == (503, "stock-unverified")
    assert int(response.headers["retry-after"]) >= 1


async def test_what_is_known_is_told_while_redis_is_away(
    own_valkey: OwnValkey, sale_id: str
) -> None:
    async with Server(own_valkey.url) as server:
        await WatchedSale(server, sale_id).open({LAMP: 10})
        feed = StockFeed(server, own_valkey.url)
        async with running(feed.run()), serving_stock(feed, lookup=nobody_can_tell) as served:
            url = f"/v1/sales/{sale_id}/stock"
            before = await served.client.get(url)
            await own_valkey.stop()
            after = await served.client.get(url)
    assert before.headers["etag"] == after.headers["etag"] == '"1-0-open"'
