"""One client's view of the stock stream, over a real connection."""

import re
import time

import httpx
import pytest
from event_reader import reading
from lasting import running
from own_valkey import OwnValkey
from stock_server import StockServer, serving_stock
from waiting import until
from watched_sale import HOUR_MS, LAMP, MUG, SOON_MS, WatchedSale

from gateway.stock import audience
from gateway.stock.feed import StockFeed
from lua.server import Server

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def no_sale_is_known(_: str) -> bool | None:
    """A ledger without sales."""
    return False


async def nobody_can_tell(_: str) -> bool | None:
    """A ledger that is down."""
    return None


# What a client is told


async def test_it_begins_with_the_absolute_state(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.buy()
    async with reading(client, sale.sale_id) as reader:
        event = await reader.next()
    assert (event.kind, event.id) == ("snapshot", "1-1")
    assert list(event.data) == ["sale_id", "state", "epoch", "version", "server_time", "items"]
    assert TIME.fullmatch(str(event.data.pop("server_time")))
    assert event.data == {
        "sale_id": sale.sale_id,
        "state": "open",
        "epoch": 1,
        "version": 1,
        "items": [{"sku": LAMP, "available": 9}, {"sku": MUG, "available": 5}],
    }


async def test_its_headers_keep_proxies_from_holding_it_back(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    async with reading(client, sale.sale_id) as reader:
        headers = reader.response.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert "server" not in headers


async def test_each_change_follows_as_the_absolute_state(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    async with reading(client, sale.sale_id) as reader:
        await reader.next("snapshot")
        await sale.buy(LAMP, 2)
        event = await reader.next()
        assert (event.kind, event.id) == ("stock", "1-1")
        assert event.available == {LAMP: 8, MUG: 5}
        await sale.buy(MUG)
        event = await reader.next()
        assert (event.kind, event.id) == ("stock", "1-2")
        assert event.available == {LAMP: 8, MUG: 4}


async def test_every_client_is_told_its_own_time_to_come_back(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    told = set()
    for _ in range(5):
        async with reading(client, sale.sale_id) as reader:
            await reader.next()
            assert reader.retry_ms is not None
            told.add(reader.retry_ms)
    assert len(told) > 1
    assert all(1000 <= retry_ms <= 5000 for retry_ms in told)


async def test_a_filtered_stream_has_the_items_that_were_named(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    async with reading(client, sale.sale_id, skus=(MUG,)) as reader:
        assert (await reader.next()).available == {MUG: 5}
        await sale.buy(LAMP)
        await sale.buy(MUG)
        assert (await reader.next()).available == {MUG: 4}
    async with reading(client, sale.sale_id, skus=(MUG, LAMP)) as reader:
        assert (await reader.next()).available == {LAMP: 9, MUG: 4}


async def test_a_filtered_stream_is_silent_about_other_items(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    async with (
        reading(client, sale.sale_id, skus=(MUG,)) as mugs,
        reading(client, sale.sale_id) as everything,
    ):
        await mugs.next()
        await sale.buy(LAMP)
        await everything.until_version(1)
        await sale.change_state("paused")
        event = await mugs.next()
        assert (event.id, event.state) == ("1-2", "paused")


async def test_an_item_that_the_sale_does_not_have_is_refused(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    response = await client.get(f"/v1/sales/{sale.sale_id}/events", params={"sku": "LAMB-1"})
    assert response.status_code == 404
    assert response.json()["code"] == "unknown-sku"
    assert response.json()["skus"] == ["LAMB-1"]


async def test_head_is_answered_with_headers_only(
    client: httpx.AsyncClient, served: StockServer, sale: WatchedSale
) -> None:
    response = await client.head(f"/v1/sales/{sale.sale_id}/events")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.content == b""
    await until(lambda: served.hub.crowd.places_taken == 0)


# States


async def test_paused_resumed_and_closed_are_told_at_once(
    client: httpx.AsyncClient, sale: WatchedSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "SWEEP_SPACING_SECONDS", 1000)
    async with reading(client, sale.sale_id) as reader:
        assert (await reader.next()).state == "open"
        for state in ("paused", "open", "closed"):
            await sale.change_state(state)
            assert (await reader.next()).state == state
        assert await reader.rest() == []


async def test_the_clock_opens_a_sale_and_never_early(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.change_state("open", opens_at_ms=await sale.now_ms() + HOUR_MS)
    async with reading(client, sale.sale_id) as reader:
        assert (await reader.next()).state == "scheduled"
        opens_at_ms = await sale.now_ms() + SOON_MS
        await sale.change_state("open", opens_at_ms=opens_at_ms)
        opened = await reader.next()
        while opened.state == "scheduled":
            opened = await reader.next()
        assert (opened.kind, opened.id, opened.state) == ("stock", "1-2", "open")
        assert await sale.now_ms() >= opens_at_ms
        assert await sale.buy() == 3


async def test_the_clock_closes_a_sale(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    async with reading(client, sale.sale_id) as reader:
        assert (await reader.next()).state == "open"
        closes_at_ms = await sale.now_ms() + SOON_MS
        await sale.change_state("open", closes_at_ms=closes_at_ms)
        *_, closed, bye = await reader.rest()
        assert (closed.kind, closed.id, closed.state) == ("stock", "1-1", "closed")
        assert (bye.kind, bye.id) == ("bye", "1-1-closed")
        assert await sale.now_ms() >= closes_at_ms


async def test_a_closed_sale_sends_its_last_state_and_ends(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.change_state("closed")
    async with reading(client, sale.sale_id) as reader:
        events = await reader.rest()
    assert [(event.kind, event.state) for event in events] == [("snapshot", "closed")]


async def test_who_saw_the_end_of_a_sale_is_told_not_to_come_back(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.change_state("closed")
    async with reading(client, sale.sale_id) as reader:
        await reader.rest()
    async with reading(client, sale.sale_id, last_event_id=reader.last_event_id) as again:
        assert again.response.status_code == 204
        assert await again.response.aread() == b""


async def test_who_missed_the_end_of_a_sale_is_told(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.change_state("closed")
    async with reading(client, sale.sale_id, last_event_id="1-0") as reader:
        assert [event.state for event in await reader.rest()] == ["closed"]


async def test_who_slept_while_the_clock_closed_the_sale_is_told(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    closes_at_ms = await sale.now_ms() + SOON_MS
    await sale.change_state("open", closes_at_ms=closes_at_ms)
    await sale.until(closes_at_ms)
    async with reading(client, sale.sale_id, last_event_id="1-1") as reader:
        events = await reader.rest()
        assert [event.kind for event in events] == ["snapshot", "bye"]
        assert (events[0].id, events[0].state) == ("1-1", "closed")
    async with reading(client, sale.sale_id, last_event_id=reader.last_event_id) as again:
        assert again.response.status_code == 204


# Coming back


@pytest.mark.parametrize("how", ["last_event_id", "query"])
async def test_who_is_up_to_date_gets_no_snapshot(
    client: httpx.AsyncClient, sale: WatchedSale, how: str
) -> None:
    await sale.buy()
    async with reading(client, sale.sale_id, **{how: "1-1"}) as reader:
        assert (await reader.next()).kind == "heartbeat"
        await sale.buy()
        event = await reader.next()
        assert (event.kind, event.id) == ("stock", "1-2")


async def test_the_header_counts_more_than_the_query(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.buy()
    async with reading(client, sale.sale_id, last_event_id="1-0", query="1-1") as reader:
        assert (await reader.next()).kind == "snapshot"


@pytest.mark.parametrize("seen", ["1-0", "0-1", "", "1", "1-1-", "x-1", "1-1-open", "9" * 99, "é"])
async def test_who_is_not_up_to_date_gets_a_snapshot(
    client: httpx.AsyncClient, sale: WatchedSale, seen: str
) -> None:
    await sale.buy()
    async with reading(client, sale.sale_id, query=seen) as reader:
        event = await reader.next()
        assert (event.kind, event.id) == ("snapshot", "1-1")


async def test_who_is_up_to_date_with_a_scheduled_sale_gets_no_snapshot(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.change_state("open", opens_at_ms=await sale.now_ms() + HOUR_MS)
    async with reading(client, sale.sale_id, last_event_id="1-1") as reader:
        assert (await reader.next()).kind == "heartbeat"


async def test_who_last_saw_the_sale_scheduled_gets_a_snapshot_once_it_is_open(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    opens_at_ms = await sale.now_ms() + SOON_MS
    await sale.change_state("open", opens_at_ms=opens_at_ms)
    await sale.until(opens_at_ms)
    async with reading(client, sale.sale_id, last_event_id="1-1") as reader:
        event = await reader.next()
        assert (event.kind, event.id, event.state) == ("snapshot", "1-1", "open")


async def test_who_has_seen_more_than_this_process_is_shown_nothing_older(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    async with reading(client, sale.sale_id) as reader:
        await reader.next()
        await sale.set_silently(version=3, **{f"available:{LAMP}": 7})
        async with reading(client, sale.sale_id, last_event_id="1-2") as ahead:
            event = await ahead.next()
            assert (event.id, event.available[LAMP]) == ("1-3", 7)
        assert (await reader.next()).id == "1-3"


async def test_an_id_of_the_future_is_no_way_to_stay_in_the_dark(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    async with reading(client, sale.sale_id, last_event_id="999-999") as reader:
        event = await reader.next()
        assert (event.kind, event.id) == ("snapshot", "1-0")


# Recovery


async def test_a_new_epoch_is_shown(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    async with reading(client, sale.sale_id) as reader:
        assert (await reader.next()).version == (1, 0)
        await sale.open({LAMP: 4, MUG: 5}, version=2)
        event = await reader.next()
        assert (event.kind, event.version, event.available[LAMP]) == ("stock", (2, 2), 4)


async def test_a_stream_outlives_redis(own_valkey: OwnValkey, sale_id: str) -> None:
    async with Server(own_valkey.url) as server:
        sale = WatchedSale(server, sale_id)
        await sale.open({LAMP: 10})
        feed = StockFeed(server, own_valkey.url)
        async with (
            running(feed.run()),
            serving_stock(feed, heartbeat_seconds=0.05) as served,
            reading(served.client, sale_id) as reader,
        ):
            assert (await reader.next("snapshot")).available == {LAMP: 10}
            await own_valkey.stop()
            async with reading(served.client, sale_id) as latecomer:
                assert (await latecomer.next("snapshot")).available == {LAMP: 10}
            await reader.next("heartbeat")
            await own_valkey.start()
            await reader.next("heartbeat")
            await sale.open({LAMP: 9}, version=1)
            event = await reader.next("stock")
            assert (event.version, event.available) == ((2, 1), {LAMP: 9})


# No stream


async def test_an_unknown_sale_is_refused(feed: StockFeed, sale_id: str) -> None:
    async with serving_stock(feed, lookup=no_sale_is_known) as served:
        response = await served.client.get(f"/v1/sales/{sale_id}/events")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "unknown-sale"


@pytest.mark.parametrize("impossible", ["a%20b", "%7Bx%7D", "x" * 65])
async def test_what_cannot_be_a_sale_is_refused_without_asking(
    feed: StockFeed, impossible: str
) -> None:
    async with serving_stock(feed, lookup=nobody_can_tell) as served:
        response = await served.client.get(f"/v1/sales/{impossible}/events")
    assert response.json()["code"] == "unknown-sale"


async def test_a_sale_that_redis_has_is_streamed_while_the_ledger_is_down(
    feed: StockFeed, sale: WatchedSale
) -> None:
    async with (
        serving_stock(feed, lookup=nobody_can_tell) as served,
        reading(served.client, sale.sale_id) as reader,
    ):
        assert (await reader.next()).kind == "snapshot"


async def test_the_ledger_is_not_asked_about_a_sale_that_is_watched(
    feed: StockFeed, sale: WatchedSale
) -> None:
    asked: list[str] = []

    async def note(sale_id: str) -> bool | None:
        asked.append(sale_id)
        return True

    async with serving_stock(feed, lookup=note) as served:
        for _ in range(3):
            async with reading(served.client, sale.sale_id) as reader:
                await reader.next("snapshot")
    assert asked == [sale.sale_id]


async def test_a_sale_that_redis_does_not_have_yet_is_one_to_come_back_for(
    client: httpx.AsyncClient, sale_id: str
) -> None:
    async with reading(client, sale_id) as reader:
        assert reader.response.status_code == 200
        assert await reader.rest() == []
        assert reader.retry_ms is not None
        assert 5_000 <= reader.retry_ms <= 30_000


async def test_an_unproven_sale_is_one_to_come_back_for(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.store.fence(2)
    async with reading(client, sale.sale_id) as reader:
        assert reader.response.status_code == 200
        assert await reader.rest() == []
    await sale.store.fence(3)


async def test_without_redis_nobody_waits_long(own_valkey: OwnValkey, sale_id: str) -> None:
    await own_valkey.stop()
    async with Server(own_valkey.url) as server:
        feed = StockFeed(server, own_valkey.url)
        async with running(feed.run()), serving_stock(feed) as served:
            began = time.monotonic()
            async with reading(served.client, sale_id) as reader:
                assert await reader.rest() == []
            assert time.monotonic() - began < 1


async def test_a_full_process_sends_clients_away_until_there_is_room(
    feed: StockFeed, sale: WatchedSale
) -> None:
    async with serving_stock(feed, max_streams=1) as served:
        async with reading(served.client, sale.sale_id) as reader:
            await reader.next()
            async with reading(served.client, sale.sale_id) as refused:
                assert refused.response.status_code == 200
                assert refused.response.headers["content-type"].startswith("text/event-stream")
                assert await refused.rest() == []
                assert refused.retry_ms is not None
                assert 5_000 <= refused.retry_ms <= 30_000
        await until(lambda: served.hub.crowd.places_taken == 0)
        async with reading(served.client, sale.sale_id) as reader:
            await reader.next("snapshot")


async def test_other_methods_are_not_allowed(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    response = await client.post(f"/v1/sales/{sale.sale_id}/events")
    assert response.status_code == 405
