"""The catalogue of products, over a real ledger."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
import pytest_asyncio
from shop_window import Outage, shop_window

from gateway import last_copies
from sql import products
from sql.database import Database
from sql.products import Product

OFFERED = [
    Product(sku=f"SKU-{number:02}", name=f"Thing {number % 4}", price=number * 7 % 5)
    for number in range(12)
]


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        async with database.transaction() as connection:
            await products.write(connection, OFFERED)
        yield database


@pytest_asyncio.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with shop_window(database) as client:
        yield client


@pytest.fixture
def never_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reading asks the ledger."""
    monkeypatch.setattr(last_copies, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(last_copies, "PAUSE_SECONDS", 0.0)


async def walk(client: httpx.AsyncClient, path: str | None) -> list[dict[str, Any]]:
    """The items of a page and of all that follow it."""
    items = []
    while path is not None:
        page = (await client.get(path)).json()
        items += page["items"]
        path = page["next"]
    return items


@pytest.mark.parametrize("column", ["sku", "name", "price"])
async def test_a_list_is_sorted_both_ways_and_its_pages_follow_each_other(
    client: httpx.AsyncClient, column: str
) -> None:
    up = await walk(client, f"/v1/products?sort={column}&limit=5")
    assert sorted(each["sku"] for each in up) == [each.sku for each in OFFERED]
    assert all((a[column], a["sku"]) < (b[column], b["sku"]) for a, b in pairwise(up))
    assert await walk(client, f"/v1/products?sort=-{column}&limit=5") == up[::-1]


async def test_a_page_may_begin_anywhere(client: httpx.AsyncClient) -> None:
    everything = (await client.get("/v1/products")).json()
    assert (len(everything["items"]), everything["next"]) == (12, None)
    page = (await client.get("/v1/products?limit=3&offset=4")).json()
    assert page["items"] == everything["items"][4:7]
    assert page["next"] == "/v1/products?limit=3&after=SKU-06"
    assert (await client.get("/v1/products?offset=12")).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "limit=٣", "offset=-1",
     "offset=10001", f"offset={'9' * 5000}", "sort=colour", "sort=", "after=a%20b"],
)  # fmt: skip
async def test_what_is_out_of_bounds_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/products?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    (error,) = answer.json()["errors"]
    assert error["parameter"] == query.partition("=")[0]


async def test_a_product_shows_all_that_is_known_of_it(
    client: httpx.AsyncClient, database: Database
) -> None:
    lamp = Product(
        sku="LAMP", name="Lamp", price=1999, description="It shines.", image_url="/lamp.webp"
    )
    async with database.transaction() as connection:
        await products.write(connection, [lamp])
    answer = await client.get("/v1/products/LAMP")
    assert answer.json() == {
        "sku": "LAMP", "name": "Lamp", "price": 1999,
        "description": "It shines.", "image_url": "/lamp.webp",
    }  # fmt: skip
    for sku in ("nothing", "no%20sku"):
        answer = await client.get(f"/v1/products/{sku}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-sku")


@pytest.mark.parametrize("path", ["/v1/products", "/v1/products/SKU-01"])
async def test_who_has_a_document_is_told_so(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["cache-control"] == "no-cache"
    for has in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
        again = await client.get(path, headers={"if-none-match": has})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == answer.headers["etag"]
    other = await client.get(path, headers={"if-none-match": '"other"'})
    assert other.content == answer.content


@pytest.mark.usefixtures("never_fresh")
async def test_reading_goes_on_from_a_copy_while_postgres_is_away(
    client: httpx.AsyncClient, database: Database, postgres_url: str, database_url: str
) -> None:
    paths = ["/v1/products?limit=5", "/v1/products/SKU-01"]
    before = {path: await client.get(path) for path in paths}
    assert not any("age" in answer.headers for answer in before.values())
    async with Outage(postgres_url, database_url):
        for path in paths:
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (200, before[path].content)
            assert int(answer.headers["age"]) >= 0
            assert answer.headers["cache-status"].startswith("doorbuster; hit; ttl=")
            known = await client.get(path, headers={"if-none-match": answer.headers["etag"]})
            assert known.status_code == 304
            assert "age" in known.headers
        never_read = await client.get("/v1/products/SKU-02")
        assert (never_read.status_code, never_read.json()["code"]) == (503, "ledger-behind")
    async with database.transaction() as connection:
        await products.write(connection, [Product(sku="SKU-01", name="Other", price=1)])
    after = await client.get("/v1/products/SKU-01")
    assert (after.json()["name"], "age" in after.headers) == ("Other", False)
