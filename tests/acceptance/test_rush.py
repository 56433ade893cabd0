"""The main job, with everything real: a rush on too little stock, and the truth afterwards."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
from buyer import Answer, calling, events
from shop import Shop, running_shop, settings_for

CUSTOMERS = 5_000
UNITS = 500
LIMIT = 2
# All customers come at once; so many of them hold a connection at the same moment.
CONNECTIONS = 1_000
SEED = random.randrange(1 << 32)


@dataclass
class Told:
    """What the customers were told."""

    units: dict[str, int] = field(default_factory=dict)
    by_customer: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    ids_of_key: dict[str, set[str]] = field(default_factory=dict)

    def note(self, customer: str, key: str, answer: Answer) -> None:
        if answer.status not in {200, 201}:
            self.codes[answer.body["code"]] += 1
            return
        self.codes[str(answer.status)] += 1
        reservation = answer.body["id"]
        self.ids_of_key.setdefault(key, set()).add(reservation)
        if reservation not in self.units:
            self.units[reservation] = sum(line["quantity"] for line in answer.body["lines"])
            self.by_customer[customer] += self.units[reservation]


async def test_5000_customers_on_500_units(
    redis_url: str, database_url: str, sale_id: str, tmp_path: Path
) -> None:
    print(f"seed {SEED}")
    settings = settings_for(redis_url, database_url, tmp_path)
    async with running_shop(settings, gateways=2, reconcilers=2) as shop:
        item = {"sku": "LAMP-1", "price": 1999, "units": UNITS, "limit_per_customer": LIMIT}
        await shop.open_sale(tmp_path, {"id": sale_id, "items": [item]})
        watching = asyncio.create_task(_watch_until_nothing_is_left(shop, sale_id))
        told = await _rush(shop, sale_id)
        assert sum(told.units.values()) == UNITS
        assert max(told.by_customer.values()) <= LIMIT
        assert all(len(ids) == 1 for ids in told.ids_of_key.values())
        assert told.codes["200"] > 0
        assert told.codes.keys() <= {
            "200",
            "201",
            "insufficient-stock",
            "purchase-limit-exceeded",
        }, told.codes
        versions = await asyncio.wait_for(watching, timeout=10)
        assert versions == sorted(set(versions))
        await shop.command("audit", sale_id)
        await _ledger_agrees(database_url, sale_id, told)


async def _rush(shop: Shop, sale_id: str) -> Told:
    told = Told()
    room = asyncio.Semaphore(CONNECTIONS)
    chance = random.Random(SEED)
    async with asyncio.TaskGroup() as crowd:
        for number in range(CUSTOMERS):
            plan = random.Random(chance.random())
            crowd.create_task(_buy(shop, sale_id, f"customer-{number}", plan, room, told))
    return told


async def _buy(
    shop: Shop,
    sale_id: str,
    customer: str,
    plan: random.Random,
    room: asyncio.Semaphore,
    told: Told,
) -> None:
    """Click; some click twice at two gateways, some retry, some come back for more."""
    token, key = shop.token(customer), uuid4().hex
    units = 2 if plan.random() < 0.1 else 1

    async def click(key: str, units: int) -> None:
        async with room, calling(plan.choice(shop.addresses)) as line:
            told.note(customer, key, await line.checkout(sale_id, token, {"LAMP-1": units}, key))

    if plan.random() < 0.2:
        await asyncio.gather(click(key, units), click(key, units))
    else:
        await click(key, units)
    if plan.random() < 0.2:
        await click(key, units)
    if plan.random() < 0.1:
        await click(uuid4().hex, units)


async def _watch_until_nothing_is_left(shop: Shop, sale_id: str) -> list[tuple[int, int]]:
    """The ids of the stock events, up to the one that says that nothing is left."""
    seen = []
    async for event in events(shop.addresses[0], f"/v1/sales/{sale_id}/events"):
        if event.name in {"snapshot", "stock"}:
            epoch, version = event.id.split("-")
            seen.append((int(epoch), int(version)))
            if event.data["items"] == [{"sku": "LAMP-1", "available": 0}]:
                return seen
    raise AssertionError("the stream ended before the stock did")


async def _ledger_agrees(database_url: str, sale_id: str, told: Told) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "select id, lines from reservation where sale_id = $1 and state = 'held'", sale_id
        )
        item = await connection.fetchrow("select * from item where sale_id = $1", sale_id)
    finally:
        await connection.close()
    in_ledger = {str(row["id"]): int(row["lines"].split(":")[1]) for row in rows}
    assert in_ledger == told.units
    assert item is not None
    assert (item["taken"], item["granted"], item["mirror"]) == (UNITS, UNITS, 0)
