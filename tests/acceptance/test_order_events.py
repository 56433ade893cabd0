"""Buyers watch what becomes of their order, whoever settles it."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from kept_shop import KeptShop, is_problem, until_true
from purchase import Till, bought
from viewer import PATIENCE_SECONDS, asked, viewing

from gateway.orders.endpoints import MAX_STREAMS_PER_CUSTOMER
from gateway.orders.feed import REREAD_SECONDS
from lua import keys
from lua.subscription import Announced, Confirmed, subscribe
from sql.settlement import release

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale_id(shop: KeptShop) -> AsyncIterator[str]:
    sale_id = await shop.sell(1000)
    yield sale_id
    await shop.audited(sale_id)


@pytest_asyncio.fixture(loop_scope="module")
async def till(shop: KeptShop, settle_key: str, sale_id: str) -> Till:
    """An order that the ledger has."""
    till = await bought(shop, settle_key, sale_id)
    await until_true(till.is_in_the_ledger)
    return till


# From the checkout to the end


async def test_an_order_is_watched_from_its_201_to_its_payment(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    with shop.frozen("reconciler-1"):
        till = await bought(shop, settle_key, sale_id)
        stream = viewing(till)
        viewer = await stream.__aenter__()
        held = await viewer.told("held", "held")
        assert held.data | {"server_time": ""} == till.bought | {"server_time": ""}
    committed = await viewer.told("committed", "held")
    assert committed.data["expires_at"] >= held.data["expires_at"]
    await till.confirm()
    paid = await viewer.told("paid", "paid")
    assert await viewer.ended()
    assert len({held.id, committed.id, paid.id}) == 3
    await stream.__aexit__(None, None, None)


async def test_a_release_and_an_expiry_are_told(
    shop: KeptShop, settle_key: str, sale_id: str, till: Till
) -> None:
    async with viewing(till) as viewer:
        await viewer.told("committed", "held")
        await till.release()
        await viewer.told("released", "released")
        assert await viewer.ended()
    other = await bought(shop, settle_key, sale_id)
    await until_true(other.is_in_the_ledger)
    async with viewing(other) as viewer:
        await viewer.told("committed", "held")
        await other.expire()
        await viewer.told("expired", "expired")
        assert await viewer.ended()


async def test_a_deadline_that_moves_is_told_and_the_stream_goes_on(till: Till) -> None:
    async with viewing(till) as viewer:
        committed = await viewer.told("committed", "held")
        end = datetime.fromisoformat(committed.data["expires_at"])
        until = (end + timedelta(seconds=60)).isoformat(timespec="milliseconds")
        assert (await till.extend(until)).status == 200
        extended = await viewer.told("extended", "held")
        assert datetime.fromisoformat(extended.data["expires_at"]) == end + timedelta(seconds=60)
        assert extended.id != committed.id
        await till.release()
        await viewer.told("released", "released")


async def test_whoever_comes_back_is_told_what_they_have_missed_and_nothing_twice(
    till: Till,
) -> None:
    async with viewing(till) as viewer:
        seen = await viewer.told("committed", "held")
    async with viewing(till, last=seen.id) as viewer:
        await till.confirm()
        paid = await viewer.told("paid", "paid")
    async with viewing(till, last=seen.id) as viewer:
        assert (await viewer.told("paid", "paid")).id == paid.id
        assert await viewer.ended()
    # An EventSource would come back for ever: 204 stops it.
    authorization = f"Bearer {till.token}"
    status, _ = await asked(till, authorization=authorization, last_event_id=paid.id)
    assert status == 204
    status, _ = await asked(till, query=f"?last_event_id={paid.id}", authorization=authorization)
    assert status == 204


async def test_two_who_watch_one_order_are_told_the_same(till: Till) -> None:
    async with viewing(till) as one, viewing(till) as other:
        for viewer in (one, other):
            await viewer.told("committed", "held")
        await till.confirm()
        assert (await one.told("paid", "paid")).id == (await other.told("paid", "paid")).id


async def test_a_change_that_nobody_hinted_at_is_seen_within_the_bound(till: Till) -> None:
    async with viewing(till) as viewer:
        await viewer.told("committed", "held")
        began = time.monotonic()
        await release(till.shop.servers.database, UUID(till.bought["id"]))
        await viewer.told("released", "released")
        # One reading that comes by itself, which begins so often, and its way.
        assert time.monotonic() - began < REREAD_SECONDS + 1


async def test_whoever_settles_hints_at_it_after_the_commit(
    shop: KeptShop, settle_key: str
) -> None:
    sale_id = await shop.sell(100)
    async with subscribe(shop.servers.redis.url, keys.orders) as subscription:
        await subscription.add([sale_id])

        async def heard() -> object:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await subscription.hear()

        assert await heard() == Confirmed(sale_id=sale_id)
        hint = Announced(sale_id=sale_id, announcement=None)
        tills = []
        for _ in range(4):
            tills.append(await bought(shop, settle_key, sale_id))
            assert await heard() == hint
            assert await tills[-1].is_in_the_ledger()
        extended, paid, released, expired = tills
        for act in (
            extended.extend(extended.bought["expires_at"]),
            paid.confirm(),
            released.release(),
            expired.expire(),
            expired.confirm("late"),
        ):
            await act
            assert await heard() == hint
        # The late payment was committed before it was paid: that was the first of two.
        assert await heard() == hint


# Who may watch


async def test_a_ticket_opens_its_own_stream_and_nothing_else(
    shop: KeptShop, settle_key: str, sale_id: str, till: Till
) -> None:
    answer = await till.ticket()
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    ticket = answer.body["ticket"]
    async with viewing(till, ticket=ticket) as viewer:
        await viewer.told("committed", "held")
        await till.confirm()
        await viewer.told("paid", "paid")
    assert (await asked(till, query=f"?ticket={ticket}"))[0] == 200
    other = await bought(shop, settle_key, sale_id)
    assert (await asked(other, query=f"?ticket={ticket}"))[0] == 401
    assert (await asked(till, query="?ticket=dbt_AAAA"))[0] == 401
    assert (await asked(till, query="?ticket="))[0] == 401
    assert is_problem(await till.read(ticket), 401, "unauthenticated")
    assert is_problem(await till.release(ticket), 401, "unauthenticated")
    # Whatever was done with it, it stands in no log.
    assert not [line for line in shop.said() if ticket.removeprefix("dbt_") in line]


async def test_an_order_is_its_owners(shop: KeptShop, till: Till) -> None:
    stranger = shop.token("tom")
    assert is_problem(await till.ticket(stranger), 404, "unknown-reservation")
    assert is_problem(await till.ticket(till.settle_key), 403, "forbidden")
    for token, status in ((stranger, 404), ("nonsense", 401), (till.settle_key, 403)):
        assert (await asked(till, authorization=f"Bearer {token}"))[0] == status
    assert (await asked(till))[0] == 401
    till.path = f"{till.path[:-4]}0000"
    assert (await asked(till, authorization=f"Bearer {till.token}"))[0] == 404
    assert is_problem(await till.ticket(), 404, "unknown-reservation")


async def test_a_head_is_answered_and_ends(till: Till) -> None:
    status, headers = await asked(till, "HEAD", authorization=f"Bearer {till.token}")
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-store"


async def test_a_customer_with_many_streams_is_asked_to_come_later(till: Till) -> None:
    streams = [viewing(till) for _ in range(MAX_STREAMS_PER_CUSTOMER)]
    for each in [await stream.__aenter__() for stream in streams]:
        await each.told("committed", "held")
    async with viewing(till) as one_too_many:
        assert await one_too_many.ended()
    assert (await asked(till, authorization=f"Bearer {till.token}"))[0] == 200
    for stream in streams:
        await stream.__aexit__(None, None, None)

    async def there_is_room() -> bool:
        async with viewing(till) as viewer:
            return not await viewer.ended()

    await until_true(there_is_room)


async def test_whoever_watches_is_told_that_the_process_stops(shop: KeptShop, till: Till) -> None:
    async with viewing(till) as viewer:
        await viewer.told("committed", "held")
        await shop.stop("gateway-1")
        assert (await viewer.next()).name == "bye"
        assert await viewer.ended()
    await shop.start("gateway-1")
