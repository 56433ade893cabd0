"""What a subscription hears, and that it ends rather than being silent."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from own_server import OwnServer
from selling import LAMP, Offer, Sale, wish

from lua import keys, subscription
from lua.announcement import Announcement
from lua.faults import NothingHappened
from lua.server import Server
from lua.subscription import Announced, Confirmed, Subscription, subscribe

pytestmark = pytest.mark.every_redis

BOUGHT = Announcement(epoch=1, first=1, last=1, state=None, stock={LAMP: 9})


async def hear(heard: Subscription) -> Confirmed | Announced:
    """The next, soon."""
    async with asyncio.timeout(5):
        return await heard.hear()


@pytest_asyncio.fixture
async def listening(redis_url: str, sale: Sale) -> AsyncIterator[Subscription]:
    """Subscribed to the sale."""
    async with subscribe(redis_url) as listening:
        await listening.add([sale.store.sale_id])
        assert await hear(listening) == Confirmed(sale_id=sale.store.sale_id)
        yield listening


async def test_it_hears_what_a_script_announces(listening: Subscription, sale: Sale) -> None:
    await sale.admit(wish(1))
    assert await hear(listening) == Announced(sale_id=sale.store.sale_id, announcement=BOUGHT)


async def test_it_hears_a_new_epoch(listening: Subscription, sale: Sale) -> None:
    await sale.open({LAMP: Offer(units=3)})
    heard = await hear(listening)
    assert isinstance(heard, Announced)
    assert heard.announcement
    assert (heard.announcement.epoch, heard.announcement.state) == (2, "reset")


async def test_it_hears_several_sales_apart(
    listening: Subscription, server: Server, sale: Sale
) -> None:
    other = Sale(server, f"{sale.store.sale_id}-other")
    await listening.add([other.store.sale_id])
    assert await hear(listening) == Confirmed(sale_id=other.store.sale_id)
    await other.open({LAMP: Offer(units=10)})
    await other.admit(wish(1))
    assert [(await hear(listening)).sale_id for _ in range(2)] == [other.store.sale_id] * 2


async def test_it_does_not_hear_what_was_dropped(listening: Subscription, sale: Sale) -> None:
    await listening.drop([sale.store.sale_id])
    await sale.admit(wish(1))
    await listening.add([sale.store.sale_id])
    assert isinstance(await hear(listening), Confirmed)


@pytest.mark.parametrize("text", ["", "what?", "1 2 3", "1 1 1 - LAMP-1", b"\xff 1 1 - -"])
async def test_what_it_cannot_read_is_told(
    listening: Subscription, sale: Sale, text: str | bytes
) -> None:
    await sale.server.command("PUBLISH", keys.record(sale.store.sale_id), text)
    assert await hear(listening) == Announced(sale_id=sale.store.sale_id, announcement=None)


async def test_a_sale_that_nobody_buys_from_is_no_lost_connection(
    listening: Subscription, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.05)
    heard = asyncio.create_task(hear(listening))
    await asyncio.wait([heard], timeout=0.5)
    assert not heard.done()
    await sale.admit(wish(1))
    assert await heard == Announced(sale_id=sale.store.sale_id, announcement=BOUGHT)


async def test_nor_is_a_connection_without_a_sale(
    redis_url: str, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.05)
    async with subscribe(redis_url) as listening:
        heard = asyncio.create_task(hear(listening))
        await asyncio.wait([heard], timeout=0.3)
        await listening.add([sale.store.sale_id])
        assert await heard == Confirmed(sale_id=sale.store.sale_id)


async def test_a_server_that_does_not_answer_any_more_is_left(
    own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribe(own_server.url) as listening:
        await listening.add(["friday"])
        await hear(listening)
        monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.05)
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(NothingHappened, match="silent"):
                await hear(listening)
        finally:
            os.kill(own_server.pid, signal.SIGCONT)


async def test_a_cut_connection_ends_it(listening: Subscription, server: Server) -> None:
    await server.command("CLIENT", "KILL", "TYPE", "pubsub")
    with pytest.raises(NothingHappened, match="lost"):
        await hear(listening)


async def test_without_a_server_there_is_none(own_server: OwnServer) -> None:
    await own_server.stop()
    with pytest.raises(NothingHappened, match="not connected"):
        async with subscribe(own_server.url):
            pass
