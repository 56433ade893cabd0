"""Postgres or Redis is away, or hangs: what goes on, what is put off, and that nobody restarts."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from buyer import Answer, Event, events
from kept_shop import KeptShop, is_problem, keeping_shop, until_true
from own_servers import OwnServer, own_servers
from purchase import Till, bought
from scratch import SCRATCH
from shop import settings_for
from viewer import viewing
from watcher import watching

from lua.replies import integer
from sql.migrate import migrate

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.proof]

# What nobody waits longer for than a buyer would, wherever a server does not answer.
PATIENCE_SECONDS = 5.0


@dataclass(kw_only=True)
class Place:
    """A shop with servers of its own."""

    shop: KeptShop
    redis: OwnServer
    postgres: OwnServer
    settle_key: str


@pytest_asyncio.fixture(loop_scope="module")
async def place(own_place: Place) -> AsyncIterator[Place]:
    """Whatever the test did, the next one finds everything running."""
    yield own_place
    await asyncio.gather(own_place.redis.start(), own_place.postgres.start())
    for name in own_place.shop.children.keys() - own_place.shop.processes.keys():
        await own_place.shop.start(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_place(folder: Path) -> AsyncIterator[Place]:
    async with own_servers(folder) as (redis, postgres):
        settings = settings_for(redis.child.url, postgres.child.url, folder)
        await migrate(postgres.child.url)
        async with keeping_shop(settings, folder) as shop:
            yield Place(
                shop=shop, redis=redis, postgres=postgres, settle_key=await shop.key("settle")
            )
        assert not shop.faults()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="db-", dir=SCRATCH) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@contextmanager
def soon() -> Iterator[None]:
    """Assert that the block needs no more than a buyer's patience."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < PATIENCE_SECONDS


async def is_admitting(shop: KeptShop, sale_id: str) -> bool:
    answer = await shop.buy(sale_id, "somebody", key="the-same")
    assert answer.status in {200, 201} or is_problem(answer, 503, "stock-unverified")
    return answer.status in {200, 201}


async def is_committed(shop: KeptShop, bought: Answer) -> bool:
    """Whether Redis knows that the ledger has it."""
    record = f"doorbuster:{{{bought.body['sale_id']}}}"
    committed = await shop.servers.redis.command("HGET", record, "committed")
    return integer(committed) >= bought.body["version"]


async def read(shop: KeptShop, bought: Answer, customer: str) -> Answer:
    return await shop.send("GET", bought.headers["location"], token=shop.token(customer))


async def confirm(place: Place, bought: Answer, reference: str = "p-1") -> Answer:
    path = f"{bought.headers['location']}/confirm"
    body = {"payment_reference": reference}
    return await place.shop.send("POST", path, token=place.settle_key, body=body)


# Postgres


@pytest.mark.parametrize("how", ["stopped", "hanging"])
async def test_without_postgres_the_shop_window_and_the_console_show_what_they_know(
    place: Place, how: str
) -> None:
    shop, postgres = place.shop, place.postgres
    sale_id, key = await shop.sell(100), await shop.key("admin")
    paths = [f"/v1/sales/{sale_id}", "/v1/sales?limit=1", "/v1/products?limit=1"]
    before = [await shop.send("GET", path) for path in paths]
    headers = {"authorization": f"Bearer {key}"}
    async with aclosing(events(shop.address, "/v1/admin/events", headers)) as console:
        assert (await anext(console)).data["health"]["ledger"] == "answers"
        async with away(postgres, how):
            for path, known in zip(paths, before, strict=True):
                await until_true(partial(is_old, shop, path))
                with soon():
                    old = await shop.send("GET", path)
                assert (old.status, old.body) == (200, known.body)
            assert (await shop.buy(sale_id, "mia")).status == 201
            told = await until_told(console, sale_id, left=99)
            assert told["health"] == {"redis": "answers", "ledger": "silent"}
    await until_true(lambda: is_fresh(shop, paths[0]))


@asynccontextmanager
async def away(server: OwnServer, how: str) -> AsyncIterator[None]:
    if how == "hanging":
        with server.frozen():
            yield
        return
    await server.stop()
    try:
        yield
    finally:
        await server.start()


async def is_old(shop: KeptShop, path: str) -> bool:
    return "age" in (await shop.send("GET", path)).headers


async def is_fresh(shop: KeptShop, path: str) -> bool:
    return not await is_old(shop, path)


async def until_told(console: AsyncIterator[Event], sale_id: str, *, left: int) -> dict[str, Any]:
    """The first overview in which so many units are left."""
    async with asyncio.timeout(15):
        async for event in console:
            for sale in event.data.get("sales", []):
                if (sale["sale_id"], sale["items"][0]["available_now"]) == (sale_id, left):
                    return dict(event.data)
    raise AssertionError("the stream has ended")


async def test_without_postgres_the_sale_goes_on_and_the_ledger_catches_up(place: Place) -> None:
    shop, postgres = place.shop, place.postgres
    sale_id = await shop.sell(100)
    before = await shop.buy(sale_id, "mia")
    await until_true(lambda: is_committed(shop, before))
    async with watching(shop.address, sale_id) as watcher:
        await postgres.stop()
        bought = [await shop.buy(sale_id, f"c-{number}", 2) for number in range(10)]
        assert [answer.status for answer in bought] == [201] * 10
        await watcher.until_left(79)
        again = await shop.buy(sale_id, "c-0", 2, key=None)
        assert again.status == 201
        assert (await buy_cart(shop, sale_id, "eve")).status == 201
        assert await shop.stock(sale_id) == {"LAMP-1": 76}
        assert (await shop.send("GET", "/readyz")).status == 200

        # What only Redis has is told; what the ledger may have settled since is not guessed at.
        held = await read(shop, bought[0], "c-0")
        assert (held.status, held.body["state"]) == (200, "held")
        assert is_problem(await read(shop, bought[0], "tom"), 404, "unknown-reservation")
        for answer in [
            await read(shop, before, "mia"),
            await confirm(place, before),
            await confirm(place, bought[0]),
            await shop.send(
                "POST", f"{before.headers['location']}/release", token=shop.token("mia")
            ),
            await shop.send("GET", "/v1/reservations", token=shop.token("mia")),
            await shop.send("GET", before.headers["location"], token="dbk_never-seen"),
        ]:
            assert is_problem(answer, 503, "ledger-behind")
        assert is_problem(await shop.buy("nobody-knows", "mia"), 503, "stock-unverified")
        assert is_problem(await fill_cart(shop, "nobody-knows", "mia"), 503, "stock-unverified")

        await postgres.start()
        for customer, answer in [("mia", before), ("c-9", bought[9])]:
            await until_true(lambda c=customer, a=answer: is_paid(place, a, c))
        await shop.buy(sale_id, "late")
        await watcher.until_left(75)
        assert watcher.connections == 1
    await shop.audited(sale_id)


async def test_without_postgres_an_order_is_watched_as_redis_has_it(place: Place) -> None:
    shop = place.shop
    sale_id = await shop.sell(100)
    before = await bought(shop, place.settle_key, sale_id)
    await until_true(before.is_in_the_ledger)
    await place.postgres.stop()
    fresh = await bought(shop, place.settle_key, sale_id)
    ticket = (await before.ticket()).body["ticket"]
    async with viewing(fresh) as new, viewing(before, ticket=ticket) as old:
        await new.told("held", "held")
        await place.postgres.start()
        # The ledger may have settled it: nothing is said of it before that is known.
        await old.told("committed", "held")
        await new.told("committed", "held")
        for till, viewer in ((fresh, new), (before, old)):
            await until_true(lambda each=till: confirms(each))
            await viewer.told("paid", "paid")


async def confirms(till: Till) -> bool:
    answer = await till.confirm()
    assert answer.status == 200 or is_problem(answer, 503, "ledger-behind")
    return answer.status == 200


async def fill_cart(shop: KeptShop, sale_id: str, customer: str) -> Answer:
    path = f"/v1/sales/{sale_id}/cart/items/LAMP-1"
    return await shop.send("PUT", path, token=shop.token(customer), body={"quantity": 1})


async def buy_cart(shop: KeptShop, sale_id: str, customer: str) -> Answer:
    assert (await fill_cart(shop, sale_id, customer)).status == 200
    path = f"/v1/sales/{sale_id}/checkout"
    return await shop.send("POST", path, token=shop.token(customer), body={})


async def is_paid(place: Place, bought: Answer, customer: str) -> bool:
    answer = await confirm(place, bought)
    assert answer.status == 200 or is_problem(answer, 503, "ledger-behind")
    read_back = await read(place.shop, bought, customer)
    return answer.status == 200 and read_back.body["state"] == "paid"


@pytest.mark.skipif(sys.platform != "linux", reason="the server's processes are found in /proc")
async def test_a_postgres_that_hangs_keeps_no_buyer_waiting(place: Place) -> None:
    shop = place.shop
    sale_id = await shop.sell(100)
    before = await shop.buy(sale_id, "mia")
    await until_true(lambda: is_committed(shop, before))
    # From here on the gateway has a connection that it takes for a good one.
    assert (await read(shop, before, "mia")).status == 200
    with place.postgres.frozen():
        with soon():
            bought = await shop.buy(sale_id, "tom")
        with soon():
            seen, unseen, paid, ready = await asyncio.gather(
                read(shop, bought, "tom"),
                read(shop, before, "mia"),
                confirm(place, before),
                shop.send("GET", "/readyz"),
            )
    assert (bought.status, seen.status, ready.status) == (201, 200, 200)
    assert is_problem(unseen, 503, "ledger-behind")
    assert is_problem(paid, 503, "ledger-behind")
    await until_true(lambda: is_paid(place, before, "mia"))
    await shop.audited(sale_id)


# Redis


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
async def test_without_redis_nobody_buys_and_with_it_everybody_does(
    place: Place, *, crash: bool
) -> None:
    shop, redis = place.shop, place.redis
    sale_id = await shop.sell(100)
    before = await shop.buy(sale_id, "mia", 10, key="a-click")
    await until_true(lambda: is_committed(shop, before))
    async with watching(shop.address, sale_id) as watcher:
        await (redis.kill() if crash else redis.stop())
        for _ in range(3):
            assert is_problem(await shop.buy(sale_id, "tom"), 503, "stock-unverified")
        await until_true(lambda: readiness(shop, 503))
        assert (await read(shop, before, "mia")).status == 200
        assert (await confirm(place, before)).status == 200

        await redis.start()
        await until_true(lambda: is_admitting(shop, sale_id), seconds=3)
        await until_true(lambda: readiness(shop, 200), seconds=2)
        await watcher.until_left(89, seconds=5)
        assert watcher.left == [90, 89]
    again = await shop.buy(sale_id, "mia", 10, key="a-click")
    assert (again.status, again.body["id"]) == (200, before.body["id"])
    assert await shop.stock(sale_id) == {"LAMP-1": 89}
    await shop.audited(sale_id)


async def readiness(shop: KeptShop, status: int) -> bool:
    return (await shop.send("GET", "/readyz")).status == status


async def test_an_emptied_redis_is_refused_and_then_rebuilt(place: Place) -> None:
    shop = place.shop
    sale_id = await shop.sell(100, limit=10)
    held = await shop.buy(sale_id, "mia", 10, key="a-click")
    paid = await shop.buy(sale_id, "tom", 4)
    assert (await confirm(place, paid)).status == 200
    gone = await shop.buy(sale_id, "ann", 5)
    path = f"{gone.headers['location']}/release"
    assert (await shop.send("POST", path, token=shop.token("ann"))).status == 200
    await until_true(lambda: has_units(shop, sale_id, 86))
    await until_true(lambda: is_committed(shop, gone))

    with shop.frozen("reconciler-1"):
        await shop.servers.redis.command("FLUSHALL")
        for customer in ("mia", "eve"):
            answer = await shop.buy(sale_id, customer, key="a-click")
            assert is_problem(answer, 503, "stock-unverified")
        assert (await read(shop, held, "mia")).status == 200
    await until_true(lambda: is_admitting(shop, sale_id))

    again = await shop.buy(sale_id, "mia", 10, key="a-click")
    assert (again.status, again.body["id"]) == (200, held.body["id"])
    assert is_problem(await shop.buy(sale_id, "mia"), 409, "purchase-limit-exceeded")
    assert is_problem(await shop.buy(sale_id, "tom", 7), 409, "purchase-limit-exceeded")
    assert (await shop.buy(sale_id, "ann", 10)).status == 201
    await until_true(lambda: has_units(shop, sale_id, 75))
    await shop.audited(sale_id)


async def has_units(shop: KeptShop, sale_id: str, units: int) -> bool:
    answer = await shop.send("GET", f"/v1/sales/{sale_id}/stock")
    return answer.status == 200 and answer.body["items"][0]["available"] == units


async def test_an_order_that_nobody_can_tell_of_is_told_later(place: Place) -> None:
    """A Redis that hangs may still admit what it was sent: the answer is 202, never a refusal."""
    shop = place.shop
    sale_id = await shop.sell(100)
    await shop.buy(sale_id, "somebody")
    with place.redis.frozen(), soon():
        unknown = await shop.buy(sale_id, "mia", 3, key="a-click")
    assert unknown.status == 202
    assert unknown.body == {"id": unknown.body["id"], "state": "unknown"}
    assert unknown.headers["location"] == f"/v1/reservations/{unknown.body['id']}"
    assert int(unknown.headers["retry-after"]) >= 1
    await until_true(lambda: is_admitting(shop, sale_id))
    again = await shop.buy(sale_id, "mia", 3, key="a-click")
    assert again.status in {200, 201}
    assert again.body["id"] == unknown.body["id"]
    assert (await read(shop, unknown, "mia")).body["lines"] == again.body["lines"]
    await until_true(lambda: has_units(shop, sale_id, 95))
    await shop.audited(sale_id)


# Both


async def test_processes_that_start_before_their_servers_wait_for_them(place: Place) -> None:
    shop = place.shop
    sale_id = await shop.sell(100)
    before = await shop.buy(sale_id, "mia", key="a-click")
    await until_true(lambda: is_committed(shop, before))
    for name in ("gateway-1", "reconciler-1"):
        await shop.stop(name)
    await asyncio.gather(place.redis.stop(), place.postgres.stop())

    await asyncio.gather(shop.start("gateway-1"), shop.start("reconciler-1"))
    assert is_problem(await shop.buy(sale_id, "tom"), 503, "stock-unverified")
    assert is_problem(await read(shop, before, "mia"), 503, "ledger-behind")
    assert (await shop.send("GET", "/livez")).status == 200
    assert await readiness(shop, 503)

    await asyncio.gather(place.redis.start(), place.postgres.start())
    await until_true(lambda: is_admitting(shop, sale_id))
    assert (await shop.buy(sale_id, "mia", key="a-click")).body["id"] == before.body["id"]
    assert (await read(shop, before, "mia")).status == 200
    await shop.audited(sale_id)


async def test_a_gateway_that_has_never_seen_postgres_tells_what_it_sold(place: Place) -> None:
    shop = place.shop
    sale_id = await shop.sell(100)
    await shop.stop("gateway-1")
    await place.postgres.stop()
    await shop.start("gateway-1")
    bought = await shop.buy(sale_id, "mia")
    assert bought.status == 201
    assert (await read(shop, bought, "mia")).status == 200
    await place.postgres.start()
    await until_true(lambda: is_committed(shop, bought))
    await shop.audited(sale_id)
