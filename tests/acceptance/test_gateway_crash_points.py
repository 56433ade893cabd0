"""A gateway dies at every point, and whoever tries again at another one finds one effect.

By default three points are tried, chosen by the seed that is printed; with CRASH_POINTS=all every
one of them is (`make crash`).
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from armed_gateway import DIED, armed
from buyer import Answer, calling
from chaos.valkeys import Valkeys, options_for
from kept_shop import KeptShop, keeping_shop, until_true
from scratch import SCRATCH
from shop import settings_for

from sql.outbox import read_pending

pytestmark = [pytest.mark.proof, pytest.mark.asyncio(loop_scope="module")]

REACHED_SECONDS = 30.0
RETRY_SECONDS = 0.05
AGAIN_SECONDS = 20.0
UNITS = 100

# What a gateway does, by the level of the sale; the number says which time it dies there.
AT_FSYNC = [
    ("redis:read", 1),
    ("redis:admit", 1),
    ("redis:admit", 2),
    ("answer:checkout", 2),
    ("ledger:pay", 1),
    ("ledger:pay", 2),
    ("answer:confirm", 1),
    ("ledger:release", 1),
    ("ledger:release", 2),
    ("answer:release", 1),
]
AT_REPLICATED = [("redis:admit", 1), ("redis:WAIT", 1), ("redis:WAIT", 2)]
AT_LEDGER = [("redis:admit", 1), ("redis:progress", 1), ("redis:progress", 3)]
EVERY_POINT = [
    (level, f"{door}:{when}", count)
    for level, doors in (
        ("fsync", AT_FSYNC),
        ("replicated", AT_REPLICATED),
        ("ledger", AT_LEDGER),
    )
    for door, count in doors
    for when in ("before", "after")
]
# One seed for all processes of a run: they have to collect the same tests.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", "0")
SEED = int(os.environ.get("CRASH_SEED", RUN[:8]), 16)


def _chosen() -> list[tuple[str, str, int]]:
    if os.environ.get("CRASH_POINTS") == "all":
        return EVERY_POINT
    return sorted(random.Random(SEED).sample(EVERY_POINT, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody who buys one unit, and then pays for it, gives it back, or leaves it."""

    name: str
    act: str
    wanted: str  # the state that the reservation is to be in afterwards


CROWD = [
    Customer(name=f"{act}-{number}", act=act, wanted=wanted)
    for act, wanted in (("confirm", "paid"), ("release", "released"), ("", "held"))
    for number in range(3)
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="db-", dir=SCRATCH) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(shop_database_url: str, folder: Path) -> AsyncIterator[KeptShop]:
    """A gateway that lives, a reconciler, and a Valkey with a replica: it can keep every level."""
    valkeys = Valkeys(folder, options_for("replicated"), random.Random(SEED))
    async with valkeys.running():
        await valkeys.linked()
        settings = settings_for(valkeys.url, shop_database_url, folder)
        async with keeping_shop(settings, folder) as running:
            yield running
        assert not running.faults()


@pytest.mark.parametrize(("level", "point", "count"), _chosen())
async def test_whoever_tries_again_after_a_crash_finds_one_effect(
    shop: KeptShop, level: str, point: str, count: int
) -> None:
    print(f"seed {SEED:x}")
    sale_id = await shop.sell(UNITS, limit=1, durability=level)
    key = await shop.key("settle")
    async with armed(shop, point, count) as (process, address):
        visits = [
            Visit(shop=shop, address=address, sale_id=sale_id, settle_key=key, customer=customer)
            for customer in CROWD
        ]
        await asyncio.gather(*(visit.until_it_dies() for visit in visits))
        async with asyncio.timeout(REACHED_SECONDS):
            assert await process.wait() == DIED
    for visit in visits:
        visit.address = shop.address
    await asyncio.gather(*(visit.through() for visit in visits))
    assert {len(visit.told) for visit in visits} == {1}, "a key has led to several reservations"
    await _is_as_wanted(shop, sale_id, {visit.told.pop(): visit.customer for visit in visits})


@dataclass(slots=True, kw_only=True)
class Visit:
    """A customer at one gateway, and then at another one; what is repeated carries the same ids.

    `told` are the reservations that the customer was told of, by either.
    """

    shop: KeptShop
    address: tuple[str, int]
    sale_id: str
    settle_key: str
    customer: Customer
    told: set[str] = field(default_factory=set)

    async def until_it_dies(self) -> None:
        """Go on until the gateway is gone: it dies of what somebody does for the n-th time."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await self.through()

    async def through(self) -> None:
        """Buy and settle, each once more until it is known."""
        bought = await self._again("POST", f"/v1/sales/{self.sale_id}/checkout", **self._order)
        assert bought.status in {200, 201}, bought
        self.told.add(bought.body["id"])
        if self.customer.act:
            path = f"/v1/reservations/{bought.body['id']}/{self.customer.act}"
            settled = await self._again("POST", path, **self._settling(bought.body["id"]))
            assert settled.status == 200, settled

    @property
    def _order(self) -> dict[str, object]:
        return {
            "token": self.shop.token(self.customer.name),
            "body": {"lines": [{"sku": "LAMP-1", "quantity": 1}]},
            "headers": {"idempotency-key": self.customer.name},
        }

    def _settling(self, id_: str) -> dict[str, object]:
        if self.customer.act == "confirm":
            return {"token": self.settle_key, "body": {"payment_reference": f"payment-{id_}"}}
        return {"token": self.shop.token(self.customer.name)}

    async def _again(self, method: str, path: str, **how: object) -> Answer:
        async with asyncio.timeout(AGAIN_SECONDS):
            while True:
                async with calling(self.address) as line:
                    answer = await line.send(method, path, **how)
                if answer.status not in {202, 503}:
                    return answer
                self.told |= {answer.body["id"]} if answer.status == 202 else set()
                await asyncio.sleep(RETRY_SECONDS)


async def _is_as_wanted(shop: KeptShop, sale_id: str, wanted: dict[str, Customer]) -> None:
    """Each customer has one reservation, in its state; what was given back is for sale again."""
    database = shop.servers.database

    async def settled() -> bool:
        return not await read_pending(database, sale_id, after=0, count=1)

    await until_true(settled)
    rows = await database.rows("select * from reservation where sale_id = $1", sale_id)
    found = {str(row["id"]): row["state"] for row in rows}
    assert found == {id_: customer.wanted for id_, customer in wanted.items()}
    kept = sum(customer.wanted != "released" for customer in CROWD)
    assert await shop.stock(sale_id) == {"LAMP-1": UNITS - kept}
    await shop.audited(sale_id)
