"""Many clients at once: who reads slowly harms nobody, and ends up with the newest state."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from event_reader import EventReader, never_reading, reading
from stock_server import StockServer, serving_stock
from waiting import until
from watched_sale import LAMP, MUG, WatchedSale

from gateway.stock import audience
from gateway.stock.feed import StockFeed
from gateway.streams import writer
from lua.server import Server

# Enough items for an event of about 10 KB, so that connections are full soon.
WIDE = {f"SKU-{number:03d}": 1_000_000 for number in range(200)}


@pytest.fixture
async def wide_sale(server: Server, sale_id: str) -> WatchedSale:
    """A sale with many items."""
    sale = WatchedSale(server, sale_id)
    await sale.open(WIDE)
    return sale


@asynccontextmanager
async def several(
    client: httpx.AsyncClient, sale_id: str, count: int
) -> AsyncIterator[list[EventReader]]:
    """Several clients that read."""
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(reading(client, sale_id)) for _ in range(count)]
        for reader in readers:
            await reader.next("snapshot")
        yield readers


async def versions_received(client: socket.socket, version: int) -> list[int]:
    """The versions of the events that arrive, up to the one of this version."""
    loop = asyncio.get_running_loop()
    received = b""
    async with asyncio.timeout(10):
        while f"id: 1-{version}\n".encode() not in received:
            chunk = await loop.sock_recv(client, 65536)
            assert chunk
            received += chunk
    return [int(each) for each in re.findall(rb"id: 1-(\d+)\n", received)]


async def test_everybody_gets_the_same_events(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    async with several(client, sale.sale_id, 10) as readers:
        await sale.buy()
        events = [await reader.next() for reader in readers]
        assert all(event == events[0] for event in events)


async def test_versions_only_ever_increase(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    await sale.open({LAMP: 1000, MUG: 5})
    async with several(client, sale.sale_id, 3) as readers:
        for _ in range(300):
            await sale.buy()
        for reader in readers:
            versions = [event.version for event in await reader.until_version(300)]
            assert versions == sorted(set(versions))
            assert versions[-1] == (2, 300)


async def test_a_rush_is_shown_at_most_twenty_times_a_second(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.open({LAMP: 10_000, MUG: 5})
    async with reading(client, sale.sale_id) as reader:
        await reader.next()
        began = time.monotonic()
        bought = 0
        while time.monotonic() - began < 1:
            bought = await sale.buy()
        events = await reader.until_version(bought)
        elapsed = time.monotonic() - began
    assert 2 <= len(events) <= 20 * elapsed + 2
    assert events[-1].available[LAMP] == 10_000 - bought


async def test_what_happens_between_two_sweeps_is_one_event(
    client: httpx.AsyncClient, sale: WatchedSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "SWEEP_SPACING_SECONDS", 1.0)
    async with reading(client, sale.sale_id) as reader:
        await reader.next()
        for _ in range(5):
            await sale.buy()
        event = await reader.next()
        assert (event.id, event.available[LAMP]) == ("1-5", 5)


async def test_sold_out_is_shown_at_once(
    client: httpx.AsyncClient, sale: WatchedSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "SWEEP_SPACING_SECONDS", 1000)
    async with reading(client, sale.sale_id) as reader:
        await reader.next()
        for _ in range(4):
            await sale.buy(MUG)
        await sale.buy(MUG)
        event = await reader.next()
        assert (event.id, event.available[MUG]) == ("1-5", 0)


async def test_sold_out_is_shown_at_once_however_busy_the_worker_is(
    client: httpx.AsyncClient, served: StockServer, sale: WatchedSale
) -> None:
    served.hub.crowd.writer.rested_at = time.monotonic() + 1000
    async with reading(client, sale.sale_id) as reader:
        await reader.next()
        await sale.buy(MUG, 4)
        await sale.buy(MUG)
        assert (await reader.next()).available[MUG] == 0


async def test_an_item_that_comes_back_and_goes_again_is_no_reason_to_hurry(
    client: httpx.AsyncClient, sale: WatchedSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sale.buy(MUG, 5)
    monkeypatch.setattr(audience, "SWEEP_SPACING_SECONDS", 1.0)
    async with reading(client, sale.sale_id) as reader:
        assert (await reader.next()).available[MUG] == 0
        for number in range(1, 6):
            await sale.give_back(number)
            await sale.buy(MUG, 5)
        assert (await reader.next()).id == "1-11"


async def test_a_busy_worker_rests_between_sweeps(
    client: httpx.AsyncClient, served: StockServer, sale: WatchedSale
) -> None:
    async with reading(client, sale.sale_id) as reader:
        await reader.next()
        began = time.monotonic()
        served.hub.crowd.writer.rested_at = began + 0.5
        await sale.buy()
        await reader.next()
        assert time.monotonic() - began >= 0.5


async def test_a_client_that_never_reads_does_not_hold_the_others_up(
    client: httpx.AsyncClient, served: StockServer, wide_sale: WatchedSale
) -> None:
    slow_ones = 5
    async with AsyncExitStack() as stack:
        for _ in range(slow_ones):
            stack.enter_context(never_reading(served.address, wide_sale.sale_id))
        readers = await stack.enter_async_context(several(client, wide_sale.sale_id, 3))
        await until(lambda: served.hub.crowd.places_taken == slow_ones + len(readers))
        while served.hub.crowd.writer.skipped < slow_ones:
            version = await wide_sale.buy("SKU-000")
            for reader in readers:
                await reader.until_version(version)


async def test_a_slow_client_gets_the_newest_state_and_no_queue(
    client: httpx.AsyncClient, served: StockServer, wide_sale: WatchedSale
) -> None:
    with never_reading(served.address, wide_sale.sale_id) as slow:
        async with reading(client, wide_sale.sale_id) as reader:
            await reader.next()
            await until(lambda: served.hub.crowd.places_taken == 2)
            while served.hub.crowd.writer.skipped < 10:
                version = await wide_sale.buy("SKU-000")
                await reader.until_version(version)
        received = await versions_received(slow, version)
        assert received == sorted(set(received))
        assert len(received) <= version - 8
        assert received[-1] == version


async def test_a_client_that_never_reads_is_given_up(
    client: httpx.AsyncClient,
    served: StockServer,
    wide_sale: WatchedSale,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(writer, "EVICT_SECONDS", 0.1)
    with never_reading(served.address, wide_sale.sale_id):
        async with reading(client, wide_sale.sale_id) as reader:
            await reader.next()
            await until(lambda: served.hub.crowd.places_taken == 2)
            while served.hub.crowd.writer.skipped == 0:
                await reader.until_version(await wide_sale.buy("SKU-000"))
            await until(lambda: served.hub.crowd.places_taken == 1)
            assert served.hub.crowd.writer.evicted == 1
            await reader.until_version(await wide_sale.buy("SKU-000"))
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


async def test_heartbeats_tell_the_time(feed: StockFeed, sale: WatchedSale) -> None:
    async with (
        serving_stock(feed, heartbeat_seconds=0.05) as served,
        reading(served.client, sale.sale_id) as reader,
    ):
        await reader.next("snapshot")
        beats = [await reader.next() for _ in range(3)]
    assert {beat.kind for beat in beats} == {"heartbeat"}
    assert {beat.id for beat in beats} == {"1-0"}
    times = [str(beat.data["server_time"]) for beat in beats]
    assert times == sorted(set(times))


async def test_a_stream_ends_when_it_is_old(feed: StockFeed, sale: WatchedSale) -> None:
    async with (
        serving_stock(feed, heartbeat_seconds=0.02, max_age_seconds=0.1) as served,
        reading(served.client, sale.sale_id) as reader,
    ):
        began = time.monotonic()
        assert (await reader.rest())[-1].kind == "bye"
        assert 0.05 <= time.monotonic() - began < 2
        assert reader.retry_ms is not None
        assert 500 <= reader.retry_ms <= 5000


async def test_a_client_that_leaves_is_forgotten(served: StockServer, sale: WatchedSale) -> None:
    for _ in range(3):
        async with reading(served.client, sale.sale_id) as reader:
            await reader.next()
        await until(lambda: served.hub.crowd.places_taken == 0)
    assert served.hub._audiences == {}
    assert served.hub.crowd._streams == set()


async def test_a_stream_costs_one_task(served: StockServer, sale: WatchedSale) -> None:
    async with several(served.client, sale.sale_id, 1):
        before = len(asyncio.all_tasks())
        async with several(served.client, sale.sale_id, 10):
            assert len(asyncio.all_tasks()) == before + 10


async def test_the_document_and_the_stream_say_the_same(
    client: httpx.AsyncClient, sale: WatchedSale
) -> None:
    await sale.buy()
    async with reading(client, sale.sale_id) as reader:
        event = await reader.next()
    document = json.loads((await client.get(f"/v1/sales/{sale.sale_id}/stock")).content)
    assert document.keys() == event.data.keys()
    assert {**document, "server_time": ""} == {**event.data, "server_time": ""}
