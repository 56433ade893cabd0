"""The failures that flash sales are known for: sold twice, half an order, leaks, stale stock."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from buyer import Answer, calling
from kept_shop import KeptShop, is_problem, keeping_shop, until_true
from shop import settings_for
from waiting import until
from watcher import watching

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a gateway may open to its servers while it is busy, and keeps: three pools of eight.
CONNECTIONS = 24


# Sold twice


async def test_of_fifty_buyers_of_the_last_unit_one_gets_it(shop: KeptShop) -> None:
    sales = await asyncio.gather(*(shop.sell(1) for _ in range(5)))
    for sale_id in sales:
        answers = await asyncio.gather(*(shop.buy(sale_id, f"c-{n}") for n in range(50)))
        assert [answer.status for answer in answers].count(201) == 1
        for answer in answers:
            if answer.status != 201:
                assert is_problem(answer, 409, "insufficient-stock")
                assert answer.body["lines"] == [{"sku": "LAMP-1", "available": 0}]
        assert await shop.stock(sale_id) == {"LAMP-1": 0}
        await shop.audited(sale_id)


async def test_of_fifty_carts_that_share_one_last_unit_one_is_admitted(shop: KeptShop) -> None:
    """Half a cart is none: the other item's units stay for those who want it alone."""
    sale_id = await shop.sell({"LAMP-1": 1, "MUG": 1000})
    both = {"LAMP-1": 1, "MUG": 2}
    answers = await asyncio.gather(*(shop.buy(sale_id, f"c-{n}", both) for n in range(50)))
    assert [answer.status for answer in answers].count(201) == 1
    assert await shop.stock(sale_id) == {"LAMP-1": 0, "MUG": 998}
    await shop.audited(sale_id)


async def test_a_unit_that_comes_back_is_sold_once_more(shop: KeptShop) -> None:
    sale_id = await shop.sell(1)
    for turn in range(3):
        answers = await asyncio.gather(*(shop.buy(sale_id, f"c-{turn}-{n}") for n in range(20)))
        (won,) = (n for n, answer in enumerate(answers) if answer.status == 201)
        path, owner = f"{answers[won].headers['location']}/release", shop.token(f"c-{turn}-{won}")
        await asyncio.gather(*(shop.send("POST", path, token=owner) for _ in range(3)))
        await until_true(lambda: has_units(shop, sale_id, 1))
    await shop.audited(sale_id)


async def has_units(shop: KeptShop, sale_id: str, units: int) -> bool:
    return await shop.stock(sale_id) == {"LAMP-1": units}


# Leaks


async def test_a_refused_checkout_leaves_nothing_behind(shop: KeptShop) -> None:
    sale_id = await shop.sell(1, limit=1)
    assert (await shop.buy(sale_id, "mia", key="a-click")).status == 201
    await shop.audited(sale_id)
    gateway = shop.processes["gateway-1"].pid
    await refuse_many(shop, sale_id)
    before, open_before = await held(shop, sale_id), await files_at_rest(gateway)
    await refuse_many(shop, sale_id)
    assert await held(shop, sale_id) == before
    # One for each refusal, or for each of one kind, would be 100 or more.
    assert await files_at_rest(gateway) < open_before + CONNECTIONS


async def refuse_many(shop: KeptShop, sale_id: str) -> None:
    """500 checkouts that are refused, each in one of the ways that there are."""
    room = asyncio.Semaphore(50)

    async def be_refused(number: int) -> None:
        customer, units, key, token = [
            (uuid4().hex, {"LAMP-1": 1}, None, None),
            ("mia", {"LAMP-1": 1}, None, None),
            ("mia", {"LAMP-1": 2}, "a-click", None),
            (uuid4().hex, {"MUG": 1}, uuid4().hex, None),
            ("mia", {"LAMP-1": 1}, None, "no token"),
        ][number % 5]
        async with room, calling(shop.address) as line:
            answer = await line.checkout(sale_id, token or shop.token(customer), units, key)
            assert answer.status in {401, 404, 409, 422}, answer

    async with asyncio.TaskGroup() as crowd:
        for number in range(500):
            crowd.create_task(be_refused(number))


async def held(shop: KeptShop, sale_id: str) -> dict[str, object]:
    """Everything that a checkout could leave in Redis or in the ledger."""
    redis, database = shop.servers.redis, shop.servers.database
    keys = sorted(await redis.command("KEYS", f"doorbuster:{{{sale_id}}}*"))
    rows = ("reservation", "outbox", "alarm", "witness", "recovery")
    counts = " + ".join(f"(select count(*) from {table})" for table in rows)  # noqa: S608
    return {
        "keys": keys,
        "content": [await redis.command("DUMP", key) for key in keys],
        "rows": await database.row(f"select {counts} as count"),
    }


async def files_at_rest(pid: int) -> int:
    """How many files, and connections to clients and servers, the process keeps open."""
    counts = [0]
    while len(counts) < 10 or len(set(counts[-10:])) > 1:
        counts.append(open_files(pid))
        await asyncio.sleep(0.02)
    return counts[-1]


def open_files(pid: int) -> int:
    """How many there are at this moment; only Linux tells."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir())) if sys.platform == "linux" else 0


# Stale stock


async def test_whoever_watches_sees_every_change_within_two_seconds(shop: KeptShop) -> None:
    sale_id = await shop.sell(10)
    async with watching(shop.address, sale_id) as watcher:
        assert watcher.left == [10]
        bought = await shop.buy(sale_id, "mia", 3)
        await watcher.until_left(7)
        await shop.grant(sale_id, 5)
        await watcher.until_left(12)
        await shop.grant(sale_id, -2)
        await watcher.until_left(10)
        location = bought.headers["location"]
        await shop.send("POST", f"{location}/release", token=shop.token("mia"))
        await watcher.until_left(13)
        await shop.buy(sale_id, "mia", 13)
        await watcher.until_left(0)
        for act, state in (("pause", "paused"), ("resume", "open")):
            await shop.act(sale_id, act)
            await until(lambda state=state: watcher.state == state, seconds=2)
        assert watcher.connections == 1
        await shop.act(sale_id, "close")
        await until(lambda: watcher.state == "closed", seconds=2)
        ids = [tuple(map(int, event.id.split("-"))) for event in watcher.seen]
        assert ids == sorted(set(ids))
    await shop.audited(sale_id)


# Half an order


class Burst:
    """Buyers who click, and click again with the same key until somebody answers."""

    def __init__(self, shop: KeptShop, sale_id: str) -> None:
        self.shop = shop
        self.sale_id = sale_id
        self.told: dict[str, str] = {}
        self.answered = 0

    async def run(self, buyers: int) -> None:
        room = asyncio.Semaphore(20)
        async with asyncio.TaskGroup() as crowd:
            for number in range(buyers):
                crowd.create_task(self._buy(f"c-{number}", room))

    async def until_answered(self, count: int) -> None:
        while self.answered < count:
            await asyncio.sleep(0.001)

    async def _buy(self, customer: str, room: asyncio.Semaphore) -> None:
        async with room:
            while (answer := await self._click(customer)) is None:
                await asyncio.sleep(0.02)
            self.answered += 1
            self.told[customer] = answer.body["id"] if answer.status < 300 else answer.body["code"]

    async def _click(self, customer: str) -> Answer | None:
        """The answer to trust; None where there was none, or only that there is none yet."""
        address = random.choice(self.shop.addresses)
        try:
            async with calling(address) as line:
                token = self.shop.token(customer)
                answer = await line.checkout(self.sale_id, token, {"LAMP-1": 1}, "a-click")
        except (OSError, asyncio.IncompleteReadError):
            return None
        assert answer.status in {200, 201, 202, 409, 503}, answer
        return None if answer.status in {202, 503} else answer

    async def is_in_the_ledger(self) -> bool:
        """Assert that what was told is what was sold, to the unit."""
        bought = {customer: id_ for customer, id_ in self.told.items() if "-" in id_[8:9]}
        await self.shop.audited(self.sale_id)
        rows = await self.shop.servers.database.rows(
            "select id, context ->> 'subject' as customer from reservation where sale_id = $1",
            self.sale_id,
        )
        assert {row["customer"]: str(row["id"]) for row in rows} == bought
        assert set(self.told.values()) - set(bought.values()) <= {"insufficient-stock"}
        return len(bought) == 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_gateways(
    valkey_url: str, shop_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeptShop]:
    folder = tmp_path_factory.mktemp("two")
    settings = settings_for(valkey_url, shop_database_url, folder)
    async with keeping_shop(settings, folder, gateways=2) as running:
        yield running
    assert not running.faults()


@pytest.mark.parametrize("victim", ["gateway-1", "reconciler-1"])
async def test_a_crash_within_a_burst_costs_no_order_and_makes_none(
    two_gateways: KeptShop, victim: str
) -> None:
    shop = two_gateways
    sale_id = await shop.sell(200)
    burst = Burst(shop, sale_id)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(burst.run(400))
        await burst.until_answered(100)
        await shop.kill(victim)
        await burst.until_answered(120)
        await shop.start(victim)
    assert await burst.is_in_the_ledger()
    assert await shop.stock(sale_id) == {"LAMP-1": 0}
