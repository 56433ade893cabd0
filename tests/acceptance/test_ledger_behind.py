"""Postgres is away for longer than a hold: what goes on, until when, and what it costs nobody.

The bound follows from the hold, so a short hold makes a short outage a long one. `make outage` has
real minutes: OUTAGE_SECONDS is how long Postgres is away, which is longer than a hold lasts.
"""

import asyncio
import os
import random
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from buyer import Answer, calling
from evidence_page import write_section
from kept_shop import KeptShop, is_problem, keeping_shop, until_true
from own_servers import OwnServer, own_servers
from shop import settings_for
from watcher import Watcher, watching

from reconciler.rebuild import stall_limit_ms
from sql.ledger import read_checkpoint
from sql.migrate import migrate

pytestmark = pytest.mark.proof

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "8"))
HOLD_SECONDS = round(OUTAGE_SECONDS * 0.7)
LIMIT_SECONDS = stall_limit_ms(HOLD_SECONDS) / 1000
# On one machine the clocks are the same, and an answer takes its way.
WAY_SECONDS = 0.5
UNITS = 1_000_000
BUYERS = 4
BEHIND = re.compile(r"the ledger is (\d+) changes behind")
CAUGHT_UP = re.compile(r"the ledger has caught up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer, and when it was asked for and given."""

    answer: Answer
    began: float
    ended: float


@dataclass(kw_only=True)
class Outage:
    """What was sold while Postgres was away, and what came of it."""

    shop: KeptShop
    postgres: OwnServer
    sale_id: str
    told: list[Told] = field(default_factory=list)
    began: float = 0.0
    drained_seconds: float = 0.0

    @property
    def admitted(self) -> list[Told]:
        return [each for each in self.told if each.answer.status == 201]

    @property
    def refused(self) -> list[Told]:
        return [each for each in self.told if each.answer.status != 201]


@pytest.fixture
async def outage(short_folder: Path) -> AsyncIterator[Outage]:
    async with own_servers(short_folder) as (redis, postgres):
        await migrate(postgres.child.url)
        settings = settings_for(redis.child.url, postgres.child.url, short_folder)
        async with keeping_shop(settings, short_folder) as shop:
            sale_id = await shop.sell(UNITS, hold_seconds=HOLD_SECONDS)
            yield Outage(shop=shop, postgres=postgres, sale_id=sale_id)
        assert not shop.faults()


@pytest.mark.timeout(OUTAGE_SECONDS * 2 + 120)
async def test_a_sale_goes_on_until_a_bound_and_no_hold_pays_for_it(outage: Outage) -> None:
    shop = outage.shop
    before = await shop.buy(outage.sale_id, "mia", key="before")
    await until_true(lambda: _is_read(outage))
    async with watching(shop.address, outage.sale_id) as watcher:
        await _be_away(outage, watcher)
        await outage.postgres.start()
        began = time.monotonic()
        await until_true(lambda: _is_read(outage), seconds=60)
        outage.drained_seconds = time.monotonic() - began
        await _check_nothing_has_expired(outage, before)
        await _pay(outage, before)
        assert watcher.connections == 1
    await _check_bound(outage)
    _check_progress_is_told(shop)
    await shop.audited(outage.sale_id)
    _note(outage)


async def _be_away(outage: Outage, watcher: Watcher) -> None:
    """Crowds buy all the time; who buys again with the same key is answered to the end."""
    await outage.postgres.kill()
    outage.began = time.monotonic()
    until = outage.began + OUTAGE_SECONDS
    async with asyncio.TaskGroup() as crowd:
        for number in range(BUYERS):
            crowd.create_task(_buy(outage, number, until))
        await watcher.until_fewer_than(UNITS - 1, seconds=5)
    again = await outage.shop.buy(outage.sale_id, "mia", key="before")
    assert again.status == 200, "a retry is no new checkout"
    assert is_problem(await outage.shop.buy(outage.sale_id, "tom"), 503, "ledger-behind")
    seen = await outage.shop.stock(outage.sale_id)
    assert seen == {"LAMP-1": UNITS - 1 - len(outage.admitted)}


async def _buy(outage: Outage, number: int, until: float) -> None:
    async with calling(outage.shop.address) as line:
        count = 0
        while time.monotonic() < until:
            count += 1
            token = outage.shop.token(f"customer-{number}-{count}")
            began = time.monotonic()
            answer = await line.checkout(outage.sale_id, token, {"LAMP-1": 1})
            outage.told.append(Told(answer=answer, began=began, ended=time.monotonic()))
            await asyncio.sleep(0.02 + 0.03 * random.random())


async def _is_read(outage: Outage) -> bool:
    """Whether the ledger has all that was sold, and Redis knows that it has."""
    record = await outage.shop.servers.redis.command(
        "HMGET", f"doorbuster:{{{outage.sale_id}}}", "version", "committed"
    )
    assert isinstance(record, list)
    checkpoint = await read_checkpoint(outage.shop.servers.database, outage.sale_id)
    return record == [b"%d" % checkpoint.version] * 2


async def _check_bound(outage: Outage) -> None:
    """The first change that nobody has read may be so old, and then nobody is admitted."""
    first = min(outage.admitted, key=lambda told: told.ended)
    for told in outage.told:
        if told.ended < first.began + LIMIT_SECONDS:
            assert told.answer.status == 201, told
        elif told.began > first.ended + LIMIT_SECONDS + WAY_SECONDS:
            assert is_problem(told.answer, 503, "ledger-behind")
    assert outage.refused


async def _check_nothing_has_expired(outage: Outage, before: Answer) -> None:
    rows = await outage.shop.servers.database.rows(
        "select id, state from reservation where sale_id = $1", outage.sale_id
    )
    states = {str(row["id"]): row["state"] for row in rows}
    sold = [before, *(told.answer for told in outage.admitted)]
    assert states == {answer.body["id"]: "held" for answer in sold}


def _check_progress_is_told(shop: KeptShop) -> None:
    said = shop.said()
    behind = [int(found[1]) for line in said if (found := BEHIND.search(line))]
    assert behind, said
    assert any(CAUGHT_UP.search(line) for line in said)


async def _pay(outage: Outage, before: Answer) -> None:
    """Both the hold of before the outage and the last one within it can still be paid."""
    key = await outage.shop.key("settle")
    for answer in (before, outage.admitted[-1].answer):
        path = f"{answer.headers['location']}/confirm"
        body = {"payment_reference": answer.body["id"]}
        assert (await outage.shop.send("POST", path, token=key, body=body)).status == 200


def _note(outage: Outage) -> None:
    """The long form writes its counts into docs/evidence.md."""
    if "OUTAGE_SECONDS" not in os.environ:
        return
    last = max(told.ended for told in outage.admitted) - outage.began
    counts = {
        "seconds that Postgres was away": f"{OUTAGE_SECONDS:g}",
        "seconds that a hold lasts": f"{HOLD_SECONDS}",
        "seconds that the oldest unread change may be old": f"{LIMIT_SECONDS:g}",
        "checkouts admitted meanwhile": f"{len(outage.admitted):,}",
        "seconds until the last of them": f"{last:.1f}",
        "checkouts refused with `ledger-behind` after that": f"{len(outage.refused):,}",
        "seconds until the ledger had read all of it": f"{outage.drained_seconds:.1f}",
        "holds that expired because of it": "0",
        "orders lost": "0",
    }
    write_section(
        "Postgres away for longer than a hold",
        f"make outage OUTAGE_SECONDS={OUTAGE_SECONDS:g}",
        ["| what | how much |", "|---|---:|", *(f"| {k} | {v} |" for k, v in counts.items())],
    )
