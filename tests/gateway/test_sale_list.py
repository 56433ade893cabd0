"""The list of sales and the sight of one, over a real ledger."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from drafts import draft, open_sale
from shop_window import Outage, shop_window

from gateway import last_copies
from sql import sales
from sql.database import Database

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


@pytest_asyncio.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a shop that has a sale in each state."""
    await sales.create(database, draft("draft"))
    await open_sale(database, draft("open"))
    await open_sale(database, draft("scheduled", opens_at=NOW + HOUR))
    await open_sale(database, draft("over", opens_at=NOW - 2 * HOUR, closes_at=NOW - HOUR))
    for sale_id, act in [("paused", "pause"), ("closed", "close")]:
        await open_sale(database, draft(sale_id))
        await sales.change_state(database, sale_id, act)
    async with shop_window(database) as client:
        yield client


async def listed(client: httpx.AsyncClient, query: str = "") -> dict[str, str]:
    """The sales of a page: id and state."""
    page = (await client.get(f"/v1/sales?{query}")).json()
    return {each["id"]: each["state"] for each in page["items"]}


async def test_sales_are_listed_newest_first_and_drafts_are_not(client: httpx.AsyncClient) -> None:
    assert list((await listed(client)).items()) == [
        ("closed", "closed"), ("paused", "paused"), ("over", "closed"),
        ("scheduled", "scheduled"), ("open", "open"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("scheduled", {"scheduled"}),
        ("open", {"open"}),
        ("paused", {"paused"}),
        ("closed", {"closed", "over"}),
    ],
)
async def test_sales_are_found_by_the_state_that_buyers_meet(
    client: httpx.AsyncClient, state: str, expected: set[str]
) -> None:
    found = await listed(client, f"state={state}")
    assert (found.keys(), set(found.values())) == (expected, {state})


async def test_pages_follow_each_other(client: httpx.AsyncClient) -> None:
    seen: list[str] = []
    path: str | None = "/v1/sales?limit=2"
    while path:
        page: dict[str, Any] = (await client.get(path)).json()
        seen += [each["id"] for each in page["items"]]
        path = page["next"]
    assert seen == list(await listed(client))


@pytest.mark.parametrize("query", ["state=draft", "state=", "limit=0", "limit=101", "after=a%20b"])
async def test_what_is_out_of_bounds_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/sales?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_sales_are_shown_from_a_copy_while_postgres_is_away(
    client: httpx.AsyncClient, postgres_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_copies, "FRESH_SECONDS", 0.0)
    paths = ["/v1/sales", "/v1/sales/open"]
    before = {path: await client.get(path) for path in paths}
    async with Outage(postgres_url, database_url):
        for path in paths:
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (200, before[path].content)
            assert "ledger-away" in answer.headers["cache-status"]
        never_read = await client.get("/v1/sales/paused")
        assert (never_read.status_code, never_read.json()["code"]) == (503, "ledger-behind")


async def test_what_the_clock_does_is_shown_on_a_copy_too(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale opens at its minute, whether the ledger can be asked then or not."""
    opens_at = datetime.now(UTC) + timedelta(seconds=0.3)
    await open_sale(database, draft("soon", opens_at=opens_at))
    monkeypatch.setattr(last_copies, "FRESH_SECONDS", 3600.0)
    assert (await client.get("/v1/sales/soon")).json()["state"] == "scheduled"
    while (await client.get("/v1/sales/soon")).json()["state"] != "open":
        assert datetime.now(UTC) < opens_at + timedelta(seconds=10)
