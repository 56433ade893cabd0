"""What a checkout comes to, whatever happens to its requests and answers."""

import asyncio
import time
from uuid import UUID, uuid4

import pytest
from scripted import LOST, SILENCE, Scripted, answer, problem, scripted

from doorbuster.client import Checkout, Refused, Reserved, SoldOut, Unknown, connect
from doorbuster.client.patience import Patience, jittered

ID = uuid4()
RESERVATION = {
    "id": str(ID),
    "sale_id": "friday",
    "state": "held",
    "lines": [{"sku": "LAMP-1", "quantity": 1, "unit_price": 1999}],
    "total": 1999,
    "currency": "EUR",
    "durability": "fsync",
    "version": 7,
    "created_at": "2026-11-27T09:00:00.000Z",
    "expires_at": "2026-11-27T09:10:00.000Z",
    "server_time": "2026-11-27T09:00:00.000Z",
    "something_new": "that this client does not know",
}
ADMITTED = answer(201, RESERVATION)
REPLAYED = answer(200, RESERVATION, "idempotency-replayed: true")
SOLD_OUT = problem(409, "insufficient-stock", lines=[{"sku": "LAMP-1", "available": 0}])
BUSY = problem(503, "overloaded")
PENDING = answer(202, {"id": str(ID), "state": "unknown"})
DEFECT = problem(500, "internal")
PROXY = answer(503, "no upstream", kind="text/html")
DENIED = problem(401, "unauthenticated")


async def check_out(server: Scripted, *, seconds: float = 5.0) -> Checkout:
    async with connect(server.url) as gateway:
        buyer = gateway.customer("token")
        return await buyer.checkout("friday", {"LAMP-1": 1}, key="k-1", seconds=seconds)


@pytest.mark.parametrize(
    "before",
    [[], [LOST], [BUSY], [PENDING], [DEFECT], [PROXY], [LOST, BUSY, PENDING, LOST]],
    ids=lambda before: str(len(before)),
)
async def test_it_is_sent_with_the_same_key_until_the_answer_is_certain(
    before: list[bytes],
) -> None:
    async with scripted(*before, REPLAYED if before else ADMITTED) as server:
        outcome = await check_out(server)
        assert server.keys() == ["k-1"] * (len(before) + 1)
    assert isinstance(outcome, Reserved)
    assert (outcome.reservation.id, outcome.replayed) == (ID, bool(before))


async def test_sold_out_names_what_is_left() -> None:
    async with scripted(LOST, SOLD_OUT) as server:
        assert await check_out(server) == SoldOut(left={"LAMP-1": 0})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422])
async def test_a_refusal_is_a_value_and_not_asked_for_twice(status: int) -> None:
    async with scripted(problem(status, "no", "retry-after: 60", sku="LAMP-1")) as server:
        outcome = await check_out(server)
        assert len(server.heads) == 1
    assert outcome == Refused(
        code="no", status=status, title="no", retry_after_seconds=60, members={"sku": "LAMP-1"}
    )


async def test_nothing_happened_as_long_as_the_gateway_says_so() -> None:
    later = problem(503, "overloaded", "retry-after: 60")
    async with scripted(BUSY, later) as server:
        outcome = await check_out(server)
        assert len(server.heads) == 2
    assert isinstance(outcome, Refused)
    assert outcome.code == "overloaded"


async def test_nothing_happened_where_nobody_could_be_connected_to() -> None:
    async with scripted() as server:
        pass
    outcome = await check_out(server, seconds=0.3)
    assert isinstance(outcome, Refused)
    assert outcome.code == "unreachable"


@pytest.mark.parametrize("later", [[], [BUSY], [DENIED], [DEFECT], [PROXY]])
@pytest.mark.parametrize("first", [LOST, DEFECT, PROXY], ids=["lost", "defect", "proxy"])
async def test_what_may_have_happened_is_never_called_refused(
    first: bytes, later: list[bytes]
) -> None:
    async with scripted(first, *later) as server:
        assert await check_out(server, seconds=0.3) == Unknown(key="k-1")


async def test_the_id_of_what_is_pending_is_told() -> None:
    async with scripted(PENDING) as server:
        outcome = await check_out(server, seconds=0.3)
    assert outcome == Unknown(key="k-1", reservation_id=ID)


async def test_a_gateway_that_says_nothing_is_left_at_the_deadline() -> None:
    async with asyncio.timeout(5), scripted(SILENCE) as server:
        assert await check_out(server, seconds=0.3) == Unknown(key="k-1")


async def test_without_a_key_it_makes_one() -> None:
    async with scripted(LOST) as server, connect(server.url, seconds=0.3) as gateway:
        outcome = await gateway.customer("token").checkout("friday", {"LAMP-1": 1})
        assert isinstance(outcome, Unknown)
        assert outcome.key
        assert set(server.keys()) == {str(UUID(outcome.key))}


async def test_nobody_comes_back_before_they_were_asked_to() -> None:
    async with scripted(problem(503, "overloaded", "retry-after: 1"), ADMITTED) as server:
        began = time.monotonic()
        assert isinstance(await check_out(server), Reserved)
        assert time.monotonic() - began >= 1


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    async with scripted(problem(503, "overloaded", "retry-after: 60")) as server:
        outcome = await check_out(server, seconds=10)
        assert len(server.heads) == 1
    assert isinstance(outcome, Refused)
    assert outcome.retry_after_seconds == 60


def test_callers_come_back_at_different_times() -> None:
    waits = {jittered(2) for _ in range(100)}
    assert len(waits) > 90
    assert 2 <= min(waits) < max(waits) <= 3


def test_waits_grow_up_to_a_bound_and_end_with_the_deadline() -> None:
    now = 0.0
    patience = Patience(1000, clock=lambda: now)
    waits = [patience.wait(None) for _ in range(60)]
    assert all(wait is not None and wait <= 5 for wait in waits)
    assert max(wait or 0 for wait in waits[:2]) <= 0.2
    now = 1000.0
    assert patience.wait(None) is None
    assert patience.attempt_seconds == 0
