"""The level that a gateway promises follows what Redis keeps, also within an epoch."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from gateway.admission import definition, sale_desk
from gateway.admission.answer import Answer, CheckoutRequest, Reserved
from gateway.admission.desk import Desk
from gateway.admission.durability import Level
from gateway.background import Background
from gateway.counts import AdmissionCounts
from gateway.identity import Customer
from gateway.problems import Problem
from gateway.stock.feed import StockFeed
from lua.carts import Carts
from lua.faults import OutcomeUnknown
from lua.record import Proof
from lua.server import Argument, Server
from lua.store import Closed, Opened, Proven, SaleStore

ADA: Final = Customer(issuer="shop", subject="ada")
FIELDS: Final[dict[str, Argument]] = {
    "state": "open", "state_revision": 1, "opens_at_ms": 0, "closes_at_ms": 0,
    "hold_seconds": 600, "reservations_per_customer": 100, "currency": "EUR", "name": "A sale",
    "wanted_durability": "", "durability": "fsync", "replicas": 0, "backlog_limit": 1000,
    "stall_limit_ms": 300_000, "available:LAMP-1": 100, "raised:LAMP-1": 100,
    "raised_revision:LAMP-1": 1, "lowered:LAMP-1": 0, "limit:LAMP-1": 0, "price:LAMP-1": 500,
}  # fmt: skip


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is old at once."""
    monkeypatch.setattr(definition, "PROOF_SECONDS", 0.0)
    monkeypatch.setattr(sale_desk, "LOOK_AGAIN_SECONDS", 0.0)


@pytest_asyncio.fixture
async def store(valkey_url: str, sale_id: str) -> AsyncIterator[SaleStore]:
    """A sale on a server that was proven to keep the level `fsync`."""
    async with Server(valkey_url) as server:
        store = SaleStore(server, sale_id)
        assert isinstance(await store.fence(1), Closed)
        opened = await store.open(1, version=0, reservations=0, customers=0, fields=FIELDS)
        assert opened == Opened()
        yield store


@pytest_asyncio.fixture
async def desk(store: SaleStore) -> AsyncIterator[Desk]:
    """Whoever buys here is promised `fsync`."""
    async with asyncio.TaskGroup() as tasks:
        yield Desk(
            store.server,
            Carts(store.server, kept_seconds=3600, max_lines=5),
            StockFeed(store.server, store.server.url),
            tasks,
            Background(),
            _there_is_every_sale,
            lambda _: None,
            AdmissionCounts(),
            level=Level.FSYNC,
            deadline_seconds=10.0,
        )


async def _there_is_every_sale(_: str) -> bool:
    return True


def wish(store: SaleStore) -> CheckoutRequest:
    return CheckoutRequest(
        sale_id=store.sale_id,
        customer=ADA,
        idempotency_key=None,
        wanted=(("LAMP-1", 1),),
        traceparent=None,
        since=time.perf_counter(),
    )


async def check_out(desk: Desk, store: SaleStore) -> Answer:
    return await desk.checkout(wish(store))


async def test_a_level_that_fell_is_promised_no_more_until_it_is_kept_again(
    desk: Desk, store: SaleStore
) -> None:
    assert isinstance(await check_out(desk, store), Reserved)
    for durability, is_sold in (("memory", False), ("fsync", True)):
        proof = Proof(durability=durability, replicas=0, backlog_limit=1000)
        assert await store.prove(1, proof) == Proven()
        answer = await check_out(desk, store)
        assert isinstance(answer, Reserved) is is_sold
        assert isinstance(answer, Problem) is not is_sold
        if isinstance(answer, Problem):
            assert answer.code == "durability-unproven"


async def test_where_it_cannot_be_read_again_the_checkout_itself_finds_out(
    desk: Desk, store: SaleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis is away for a moment when it is read, and back when the script is called."""
    assert isinstance(await check_out(desk, store), Reserved)

    async def away(_: SaleStore) -> None:
        raise OutcomeUnknown

    monkeypatch.setattr(SaleStore, "read", away)
    assert isinstance(await check_out(desk, store), Reserved)


async def test_what_is_known_is_read_again_before_it_is_old_and_nobody_waits_for_it(
    desk: Desk, store: SaleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition, "PROOF_SECONDS", 1.2)
    answers: list[Answer] = [await check_out(desk, store)]
    deadline = asyncio.get_running_loop().time() + 3.0
    while asyncio.get_running_loop().time() < deadline:
        assert desk.checkout_at_once(wish(store), answers.append)
        await asyncio.sleep(0.05)
    assert all(isinstance(answer, Reserved) for answer in answers)
    # And what it says is learned: what is not kept any more is left to the way that tells so.
    assert await store.prove(1, Proof(durability="memory", replicas=0, backlog_limit=1000))
    async with asyncio.timeout(3):
        while desk.checkout_at_once(wish(store), answers.append):
            await asyncio.sleep(0.05)
    answer = await check_out(desk, store)
    assert isinstance(answer, Problem)
    assert answer.code == "durability-unproven"
