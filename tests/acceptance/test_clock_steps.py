"""Clocks are set an hour forward and back, under a sale: nothing ends early or stands still."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from buyer import Answer
from clocks import Clock, Clocked, find_library
from joserfc import jwt
from joserfc.jwk import OctKey
from kept_shop import KeptShop, keeping_shop, until_true
from scratch import SCRATCH
from shop import TOKEN_KEY, settings_for

from doorbuster.child import running
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from sql.migrate import migrate

LIBRARY = find_library()
pytestmark = [
    pytest.mark.proof,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (package faketime)"),
]

PROCESSES = ("valkey", "postgres", "gateway-1", "reconciler-1")
HOUR_SECONDS = 3600
AGAIN_SECONDS = 20.0
UNITS = 1000
STATES = "select id, state from reservation where sale_id = $1"
SWEPT = "select swept_at from hold_clock where sale_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A shop, and the clock of each of its processes."""

    shop: KeptShop
    clocks: dict[str, Clock]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="db-", dir=SCRATCH) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(folder: Path) -> AsyncIterator[Place]:
    clocks = {each: _clock(folder, each) for each in PROCESSES}
    valkey = EmbeddedValkey(directory=folder / "valkey")
    postgres = EmbeddedPostgres(directory=folder / "postgres")
    async with (
        running(Clocked(valkey, clocks["valkey"])),
        running(Clocked(postgres, clocks["postgres"])),
    ):
        await migrate(postgres.url)
        settings = settings_for(valkey.url, postgres.url, folder)
        own = {name: clocks[name].environment for name in PROCESSES[2:]}
        async with keeping_shop(settings, folder, own=own) as shop:
            yield Place(shop=shop, clocks=clocks)
        assert not shop.faults()


def _clock(folder: Path, name: str) -> Clock:
    assert LIBRARY is not None
    clock = Clock(file=folder / f"{name}.clock", library=LIBRARY)
    clock.step(0)
    return clock


@pytest.mark.parametrize("name", PROCESSES)
async def test_a_clock_that_is_set_costs_no_hold_and_no_sale(place: Place, name: str) -> None:
    shop = place.shop
    sale_id = await shop.sell(UNITS, opens_at="2020-01-01T00:00:00Z", hold_seconds=600)
    bought = [await _buy(shop, sale_id, f"early-{number}") for number in range(3)]
    try:
        for seconds, before in zip((HOUR_SECONDS, -HOUR_SECONDS, 0), bought, strict=True):
            place.clocks[name].step(seconds)
            late = await _buy(shop, sale_id, f"at {seconds:+d} s")
            await _is_swept(shop, sale_id)
            await _pay(shop, before)
            await _pay(shop, late)
    finally:
        place.clocks[name].step(0)
    rows = await shop.servers.database.rows(STATES, sale_id)
    assert [row["state"] for row in rows] == ["paid"] * 6
    await shop.audited(sale_id)


async def _is_swept(shop: KeptShop, sale_id: str) -> None:
    """Whatever were due would have ended by then: a sweep follows each heartbeat."""
    began = await _swept_at(shop, sale_id)

    async def has_swept() -> bool:
        return await _swept_at(shop, sale_id) != began

    await until_true(has_swept, seconds=AGAIN_SECONDS)


async def _pay(shop: KeptShop, bought: Answer) -> None:
    key, body = await shop.key("settle"), {"payment_reference": bought.body["id"]}
    path = f"{bought.headers['location']}/confirm"
    answer = await shop.send("POST", path, token=key, body=body)
    assert answer.status == 200, answer


async def _buy(shop: KeptShop, sale_id: str, customer: str) -> Answer:
    """The checkout, repeated with its key until it is answered for good, and in the ledger."""
    answers: list[Answer] = []

    async def bought() -> bool:
        answer = await shop.send(
            "POST",
            f"/v1/sales/{sale_id}/checkout",
            token=_token(customer),
            body={"lines": [{"sku": "LAMP-1", "quantity": 1}]},
            headers={"idempotency-key": "a-click"},
        )
        assert answer.status in {200, 201, 202, 503}, answer
        answers.append(answer)
        return answer.status in {200, 201}

    async def is_in_ledger() -> bool:
        rows = await shop.servers.database.rows(STATES, sale_id)
        return answers[-1].body["id"] in {str(row["id"]) for row in rows}

    await until_true(bought, seconds=AGAIN_SECONDS)
    await until_true(is_in_ledger, seconds=AGAIN_SECONDS)
    return answers[-1]


def _token(customer: str) -> str:
    """Issued long ago, and good for long: when tokens are good is the gateway's clock to tell."""
    now = int(time.time())
    claims = {
        "iss": "doorbuster",
        "aud": "doorbuster",
        "sub": customer,
        "iat": now - 2 * HOUR_SECONDS,
        "exp": now + 2 * HOUR_SECONDS,
    }
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(TOKEN_KEY), ["HS256"])


async def _swept_at(shop: KeptShop, sale_id: str) -> datetime:
    row = await shop.servers.database.row(SWEPT, sale_id)
    assert row is not None
    swept_at: datetime = row["swept_at"]
    return swept_at
