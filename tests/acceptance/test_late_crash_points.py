"""A gateway dies at every point of a late payment, and the same confirm at another one finishes it.

By default three points are tried, chosen by the seed that is printed; with CRASH_POINTS=all every
one of them is (`make crash`).
"""

import asyncio
import os
import random
from contextlib import suppress

import pytest
from armed_gateway import DIED, armed
from buyer import Answer
from kept_shop import KeptShop, is_problem, until_true
from purchase import Till, bought

pytestmark = [pytest.mark.proof, pytest.mark.asyncio(loop_scope="module")]

REACHED_SECONDS = 30.0
# What a confirm goes through; the number says which time the gateway dies there.
OF_BOTH_ENDS = [
    ("ledger:pay", 1),
    ("ledger:read_expired", 1),
    ("ledger:replace_with", 1),
    ("ledger:has_returns_pending", 1),
    ("redis:admit", 1),
    ("answer:confirm", 1),
]
PAID = [*OF_BOTH_ENDS, ("ledger:replace_with", 2), ("ledger:replace_with", 3)]
REFUNDED = [*OF_BOTH_ENDS, ("ledger:refuse", 1), ("ledger:release", 1)]
EVERY_POINT = [
    (outcome, f"{door}:{when}", count)
    for outcome, doors in (("paid", PAID), ("refunded", REFUNDED))
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


@pytest.mark.parametrize(("outcome", "point", "count"), _chosen())
async def test_a_late_payment_is_finished_after_a_crash_and_ends_in_one_way(
    shop: KeptShop, settle_key: str, outcome: str, point: str, count: int
) -> None:
    print(f"seed {SEED:x}")
    sale_id = await shop.sell(10, limit=1)
    till = await bought(shop, settle_key, sale_id)
    await till.expire()
    if outcome == "refunded":
        await shop.act(sale_id, "pause")
    async with armed(shop, point, count) as (process, address):
        told = await _until_it_dies(till, address)
        async with asyncio.timeout(REACHED_SECONDS):
            assert await process.wait() == DIED
    if outcome == "refunded":
        # Whatever was not decided before may be decided otherwise now; what was told, may not.
        await shop.act(sale_id, "resume")
    answers = [*told, await _confirm(till), await _confirm(till), await _confirm(till, "another")]
    if answers[-2].status == 200:
        new = answers[-2].body["id"]
        assert new != till.bought["id"]
        assert {(each.status, each.body["id"]) for each in answers[:-1]} == {(200, new)}
        assert await _states(till) == {"expired": 1, "paid": 1}
    else:
        assert outcome == "refunded"
        assert all(is_problem(each, 409, "reservation-expired") for each in answers)
        assert "paid" not in await _states(till)
    assert is_problem(answers[-1], 409, "reservation-expired")
    await until_true(lambda: _is_settled(till))
    await shop.audited(sale_id)


async def _until_it_dies(till: Till, address: tuple[str, int]) -> list[Answer]:
    """Confirm until the gateway is gone; the answers that decided something."""
    told: list[Answer] = []
    alive, till.shop.addresses[0] = till.shop.addresses[0], address
    try:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                answer = await till.confirm("late")
                told += [answer] if answer.status != 503 else []
    finally:
        till.shop.addresses[0] = alive
    return told


async def _confirm(till: Till, reference: str = "late") -> Answer:
    while (answer := await till.confirm(reference)).status == 503:
        await asyncio.sleep(0.05)
    return answer


async def _states(till: Till) -> dict[str, int]:
    """How many of the customer's reservations are in each state, once none is on its way."""
    answer = await till.shop.send("GET", "/v1/reservations", token=till.token)
    states = [each["state"] for each in answer.body["items"]]
    return {state: states.count(state) for state in states}


async def _is_settled(till: Till) -> bool:
    row = await till.shop.servers.database.row(
        "select count(*) from outbox where sale_id = $1 and not done", till.bought["sale_id"]
    )
    return row is not None and row[0] == 0
