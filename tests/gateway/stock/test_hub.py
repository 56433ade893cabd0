"""Who comes while something happens."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from lasting import running
from pipe import Pipe
from waiting import until
from watched_sale import WatchedSale

from gateway.stock.feed import StockFeed
from gateway.stock.hub import StockHub
from gateway.stock.sight import Sight
from gateway.stock.watch import Watch
from gateway.streams.crowd import Crowd, TooManyStreams

EVERYTHING: frozenset[str] = frozenset()


@pytest_asyncio.fixture
async def hub(feed: StockFeed) -> AsyncIterator[StockHub]:
    """A running hub."""
    hub = StockHub(feed, Crowd(feed.clock.now_ms, max_streams=2))
    async with running(hub.run()):
        yield hub


@pytest.fixture
async def watch(feed: StockFeed, sale: WatchedSale) -> AsyncIterator[Watch]:
    """The sale, read once."""
    with feed.watch(sale.sale_id) as watch:
        await feed.refresh(watch)
        yield watch


def seen(feed: StockFeed, watch: Watch) -> Sight:
    """What there is to see now."""
    assert watch.stock
    return watch.stock.at(feed.clock.now_ms())


async def test_what_happened_since_the_first_event_is_not_missed(
    hub: StockHub, watch: Watch, sale: WatchedSale
) -> None:
    before = seen(hub.feed, watch)
    await sale.buy()
    await until(lambda: seen(hub.feed, watch).mark > before.mark)
    pipe = Pipe()
    with hub.seat(watch, before, pipe.stream(before.mark), EVERYTHING):
        assert [body.splitlines()[0] for body in pipe.received] == [b"id: 1-1"]


async def test_nothing_that_a_client_has_seen_is_written_again(
    hub: StockHub, watch: Watch, sale: WatchedSale
) -> None:
    before, early, late = seen(hub.feed, watch), Pipe(), Pipe()
    with hub.seat(watch, before, early.stream(before.mark), EVERYTHING):
        await sale.buy()
        await until(lambda: seen(hub.feed, watch).mark > before.mark)
        now = seen(hub.feed, watch)
        with hub.seat(watch, now, late.stream(now.mark), EVERYTHING):
            await until(lambda: len(early.received) == 1)
            await asyncio.sleep(0)
            assert late.received == []


async def test_who_comes_while_the_process_stops_is_told(hub: StockHub, watch: Watch) -> None:
    hub.crowd.drain()
    now, pipe = seen(hub.feed, watch), Pipe()
    with hub.seat(watch, now, pipe.stream(now.mark), EVERYTHING):
        assert b"event: bye" in pipe.received[0]


async def test_nobody_gets_a_place_while_the_process_stops(hub: StockHub) -> None:
    hub.crowd.drain()
    with pytest.raises(TooManyStreams), hub.crowd.place():
        pass


async def test_who_cannot_be_told_that_the_process_stops_is_dropped(
    hub: StockHub, watch: Watch
) -> None:
    now, slow, fast = seen(hub.feed, watch), Pipe(), Pipe()
    slow.writable.clear()
    with (
        hub.seat(watch, now, slow.stream(now.mark), EVERYTHING),
        hub.seat(watch, now, fast.stream(now.mark), EVERYTHING),
    ):
        hub.crowd.drain()
        assert (slow.aborted, fast.aborted) == (True, False)
        assert b"event: bye" in fast.received[0]


async def test_a_sale_that_nobody_watches_costs_nothing(hub: StockHub, watch: Watch) -> None:
    now = seen(hub.feed, watch)
    tasks = len(asyncio.all_tasks())
    with hub.seat(watch, now, Pipe().stream(now.mark), EVERYTHING):
        await until(lambda: len(watch.listeners) == 1)
    await until(lambda: watch.listeners == set())
    assert len(asyncio.all_tasks()) == tasks
