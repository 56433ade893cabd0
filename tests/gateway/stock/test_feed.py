"""The feed: whatever is lost on the way, it ends up with what Redis has."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from lasting import running
from own_valkey import OwnValkey
from waiting import until
from watched_sale import LAMP, MUG, WatchedSale, cut_subscriptions

from gateway.stock import feed as feed_module
from gateway.stock.feed import StockFeed, TooManySales
from gateway.stock.watch import Watch
from lua.server import Server


def position(watch: Watch) -> tuple[int, int] | None:
    """The epoch and version that the feed knows."""
    return (watch.stock.epoch, watch.stock.version) if watch.stock else None


def lamps(watch: Watch) -> int | None:
    """The lamps that the feed believes are left."""
    return watch.stock.available[LAMP] if watch.stock else None


async def subscribed(sale: WatchedSale) -> None:
    """Return once the feed hears the sale and has read it after that."""
    async with asyncio.timeout(5):
        while await sale.subscribers() == 0:
            await asyncio.sleep(0.01)


async def settled(feed: StockFeed, watch: Watch, sale: WatchedSale) -> None:
    """Return once nothing is left that would make the feed read."""
    await subscribed(sale)
    await feed.refresh(watch)
    await until(lambda: watch.due_at > watch.read_at + 100)


async def test_a_watched_sale_is_read(feed: StockFeed, sale: WatchedSale) -> None:
    with feed.watch(sale.sale_id) as watch:
        await until(lambda: position(watch) == (1, 0))
        assert watch.stock
        assert watch.stock.available == {LAMP: 10, MUG: 5}


async def test_announcements_are_enough(feed: StockFeed, sale: WatchedSale) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        read_at = watch.read_at
        for _ in range(3):
            await sale.buy()
        await until(lambda: position(watch) == (1, 3))
        assert lamps(watch) == 7
        assert watch.read_at == read_at


async def test_a_gap_leads_to_a_reading(feed: StockFeed, sale: WatchedSale) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        await sale.set_silently(version=2, **{f"available:{LAMP}": 6, f"available:{MUG}": 1})
        await sale.announce(f"1 2 2 - {MUG}=1")
        await until(lambda: position(watch) == (1, 2))
        assert lamps(watch) == 6


async def test_an_old_announcement_is_ignored(feed: StockFeed, sale: WatchedSale) -> None:
    with feed.watch(sale.sale_id) as watch:
        await sale.buy()
        await settled(feed, watch, sale)
        read_at = watch.read_at
        await sale.announce(f"1 1 1 - {LAMP}=10")
        await sale.buy()
        await until(lambda: position(watch) == (1, 2))
        assert lamps(watch) == 8
        assert watch.read_at == read_at


async def test_a_new_epoch_leads_to_a_reading(feed: StockFeed, sale: WatchedSale) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        await sale.open({LAMP: 3, MUG: 3}, version=7)
        await until(lambda: position(watch) == (2, 7))
        assert lamps(watch) == 3


async def test_a_changed_state_comes_with_its_window(feed: StockFeed, sale: WatchedSale) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        await sale.change_state("open", opens_at_ms=7, closes_at_ms=9_000_000_000_000)
        await until(lambda: position(watch) == (1, 1))
        assert watch.stock
        assert (watch.stock.opens_at_ms, watch.stock.closes_at_ms) == (7, 9_000_000_000_000)


@pytest.mark.parametrize("text", ["", "1 2", "what?", "1 x 3 - -", "1 1 1 - LAMP-1", "1 1 1 - - 6"])
async def test_what_cannot_be_read_leads_to_a_reading(
    feed: StockFeed, sale: WatchedSale, text: str
) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        await sale.set_silently(version=1)
        await sale.announce(text)
        await until(lambda: position(watch) == (1, 1))


async def test_an_item_that_was_added_leads_to_a_reading(
    feed: StockFeed, sale: WatchedSale
) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        fields = ("available", "raised", "raised_revision", "lowered", "limit", "price")
        await sale.set_silently(version=1, **{f"{field}:NEW": 4 for field in fields})
        await sale.announce("1 1 1 - NEW=4")
        await until(lambda: position(watch) == (1, 1))
        assert watch.stock
        assert watch.stock.available["NEW"] == 4


async def test_a_lost_announcement_is_found_by_the_regular_reading(
    server: Server, redis_url: str, sale: WatchedSale
) -> None:
    feed = StockFeed(server, redis_url, reread_seconds=0.05)
    async with running(feed.run()):
        with feed.watch(sale.sale_id) as watch:
            await until(lambda: position(watch) == (1, 0))
            await sale.set_silently(version=1, **{f"available:{LAMP}": 9})
            await until(lambda: position(watch) == (1, 1))
            assert lamps(watch) == 9


async def test_a_cut_subscription_is_made_again_and_nothing_is_missed(
    feed: StockFeed, sale: WatchedSale, server: Server
) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        await cut_subscriptions(server)
        await sale.buy()
        await until(lambda: position(watch) == (1, 1))
        await settled(feed, watch, sale)
        read_at = watch.read_at
        await sale.buy()
        await until(lambda: position(watch) == (1, 2))
        assert watch.read_at == read_at


async def test_a_cut_subscription_is_told(
    feed: StockFeed, sale: WatchedSale, server: Server, quiet: Callable[[], list[str]]
) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        await cut_subscriptions(server)
        await until(lambda: any("subscription lost" in each for each in quiet()))


async def test_what_redis_forgot_is_not_shown_again(
    feed: StockFeed, sale: WatchedSale, quiet: Callable[[], list[str]]
) -> None:
    with feed.watch(sale.sale_id) as watch:
        for _ in range(3):
            await sale.buy()
        await settled(feed, watch, sale)
        await sale.set_silently(version=1, **{f"available:{LAMP}": 9})
        await feed.refresh(watch)
        assert position(watch) == (1, 3)
        assert "behind what it told us" in quiet()[-1]
        await sale.set_silently(version=4, **{f"available:{LAMP}": 6})
        await until(lambda: position(watch) == (1, 4))


async def test_a_record_that_is_not_proven_changes_nothing(
    feed: StockFeed, sale: WatchedSale, quiet: Callable[[], list[str]]
) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
        await sale.store.fence(2)
        await sale.set_silently(version=5)
        await feed.refresh(watch)
        assert position(watch) == (1, 0)
        assert "not proven" in quiet()[-1]


async def test_a_broken_record_does_not_stop_the_others(
    feed: StockFeed, sale: WatchedSale, server: Server
) -> None:
    other = WatchedSale(server, f"{sale.sale_id}-other")
    await other.open({LAMP: 1})
    await other.set_silently(opens_at_ms="soon")
    with feed.watch(other.sale_id) as broken, feed.watch(sale.sale_id) as watch:
        await until(lambda: position(watch) == (1, 0) and broken.failures > 1)
        assert broken.stock is None
        await other.set_silently(opens_at_ms=0)
        await until(lambda: position(broken) == (1, 0))


async def test_a_sale_that_comes_late_is_found(
    feed: StockFeed, server: Server, sale_id: str
) -> None:
    sale = WatchedSale(server, sale_id)
    with feed.watch(sale_id) as watch:
        await feed.refresh(watch)
        assert watch.stock is None
        await sale.open({LAMP: 2})
        await until(lambda: position(watch) == (1, 0))


async def test_redis_may_be_away_and_come_back(own_valkey: OwnValkey, sale_id: str) -> None:
    async with Server(own_valkey.url) as server:
        sale = WatchedSale(server, sale_id)
        await sale.open({LAMP: 10})
        feed = StockFeed(server, own_valkey.url)
        async with running(feed.run()):
            with feed.watch(sale_id) as watch:
                await sale.buy()
                await until(lambda: position(watch) == (1, 1))
                await own_valkey.stop()
                await until(lambda: watch.failures > 0)
                await own_valkey.start()
                assert not (await sale.record()).proven
                assert position(watch) == (1, 1)
                await sale.open({LAMP: 9}, version=1)
                await until(lambda: position(watch) == (2, 1))
                await sale.buy()
                await until(lambda: position(watch) == (2, 2))


async def test_nobody_waits_for_a_server_that_is_in_trouble(
    own_valkey: OwnValkey, sale_id: str
) -> None:
    await own_valkey.stop()
    async with Server(own_valkey.url) as server:
        feed = StockFeed(server, own_valkey.url)
        async with running(feed.run()):
            with feed.watch(sale_id) as watch:
                await until(lambda: watch.failures > 0)
                next_reading = watch.reading
                await feed.refresh(watch)
                assert watch.reading is next_reading


async def test_many_sales_share_one_connection(
    feed: StockFeed, sale: WatchedSale, server: Server
) -> None:
    sales = [WatchedSale(server, f"{sale.sale_id}-{number}") for number in range(20)]
    with ExitStack() as stack:
        watches = [stack.enter_context(feed.watch(each.sale_id)) for each in sales]
        for each in sales:
            await each.open({LAMP: 5})
        for each in sales:
            await each.buy()
        await until(lambda: all(position(watch) == (1, 1) for watch in watches))
        clients = await server.command("CLIENT", "LIST", "TYPE", "pubsub")
        assert isinstance(clients, bytes)
        assert len(clients.splitlines()) == 1


async def test_a_sale_that_nobody_watches_any_more_is_forgotten(
    feed: StockFeed, sale: WatchedSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LINGER_SECONDS", 0.0)
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
    await feed.refresh(watch)
    await until(lambda: not feed.knows(sale.sale_id))
    async with asyncio.timeout(5):
        while await sale.subscribers():
            await asyncio.sleep(0.01)


async def test_a_sale_is_kept_for_those_who_come_back(feed: StockFeed, sale: WatchedSale) -> None:
    with feed.watch(sale.sale_id) as watch:
        await settled(feed, watch, sale)
    await feed.refresh(watch)
    with feed.watch(sale.sale_id) as again:
        assert again is watch


async def test_there_is_a_bound_to_the_sales(
    feed: StockFeed, sale_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "MAX_SALES", 2)
    with feed.watch(f"{sale_id}-1"):
        with feed.watch(f"{sale_id}-2"), pytest.raises(TooManySales), feed.watch(f"{sale_id}-3"):
            pass
        with feed.watch(f"{sale_id}-3"):
            pass
