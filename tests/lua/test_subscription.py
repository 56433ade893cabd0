"""A subscription hears its sales, and says so when it hears nothing any more."""

import asyncio
import os
import signal

import pytest
from own_server import OwnServer
from selling import LAMP, Offer, Sale, wish

from lua import subscription
from lua.faults import NothingHappened
from lua.subscription import Announced, Confirmed, subscribe

pytestmark = pytest.mark.every_redis

HEARD_SECONDS = 5.0


async def test_only_the_sales_that_were_added_are_heard(redis_url: str, sale: Sale) -> None:
    other = Sale(sale.server, f"{sale.store.sale_id}-other")
    await other.open({LAMP: Offer(units=1)})
    async with subscribe(redis_url) as heard, asyncio.timeout(HEARD_SECONDS):
        await heard.add([other.store.sale_id, sale.store.sale_id])
        confirmed = {await heard.hear(), await heard.hear()}
        assert confirmed == {
            Confirmed(sale_id=other.store.sale_id),
            Confirmed(sale_id=sale.store.sale_id),
        }
        await heard.drop([other.store.sale_id])
        await other.admit(wish(1))
        await sale.admit(wish(1))
        announced = await heard.hear()
    assert isinstance(announced, Announced)
    assert announced.sale_id == sale.store.sale_id


async def test_what_cannot_be_read_is_told_as_such(redis_url: str, sale: Sale) -> None:
    async with subscribe(redis_url) as heard, asyncio.timeout(HEARD_SECONDS):
        await heard.add([sale.store.sale_id])
        await heard.hear()
        await sale.server.command("PUBLISH", f"doorbuster:{{{sale.store.sale_id}}}", "9 of another")
        assert await heard.hear() == Announced(sale_id=sale.store.sale_id, announcement=None)


async def test_a_server_that_died_is_told(own_server: OwnServer) -> None:
    async with subscribe(own_server.url) as heard, asyncio.timeout(HEARD_SECONDS):
        await heard.add(["friday"])
        assert await heard.hear() == Confirmed(sale_id="friday")
        await own_server.restart()
        with pytest.raises(NothingHappened):
            await heard.hear()


async def test_a_server_that_fell_silent_is_told(
    own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.1)
    async with subscribe(own_server.url) as heard, asyncio.timeout(HEARD_SECONDS):
        await heard.add(["friday"])
        assert await heard.hear() == Confirmed(sale_id="friday")
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(NothingHappened, match="silent"):
                await heard.hear()
        finally:
            os.kill(own_server.pid, signal.SIGCONT)


async def test_a_silent_sale_is_no_silent_server(
    own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.05)
    async with own_server.door() as server, subscribe(own_server.url) as heard:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=1)})
        await heard.add(["friday"])
        assert await heard.hear() == Confirmed(sale_id="friday")
        hearing = asyncio.create_task(heard.hear())
        await asyncio.wait([hearing], timeout=0.5)  # ten times the silence
        assert not hearing.done()
        await sale.admit(wish(1))
        assert isinstance(await hearing, Announced)


async def test_a_server_that_is_not_there_cannot_be_subscribed_to() -> None:
    with pytest.raises(NothingHappened, match="not connected"):
        async with subscribe("redis://127.0.0.1:1"):
            pass
