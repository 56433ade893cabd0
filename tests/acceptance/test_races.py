"""Races around the deadline, a thousand of each: every one has one winner, and either side wins.

The contestants meet at the public interface of real processes. Each round has a deadline of its
own, and each contestant comes at a random moment around it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from buyer import Answer, Line, calling
from kept_shop import KeptShop, is_problem, until_true

from doorbuster.faults import NotDone
from doorbuster.sale_acts import adjust
from gateway.admin.sale_acts import Adjustment, Done
from reconciler.sweeper import PAUSE_SECONDS

pytestmark = [pytest.mark.proof, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

ROUNDS = 1000
WINS_AT_LEAST = 50
# Rounds that are on at the same time, each over a connection of its own.
ROUNDS_AT_ONCE = 32
# From the setting of a deadline to the deadline.
SOON_SECONDS = 0.2
SCATTER_SECONDS = 0.1
STEP_SECONDS = 0.02
BOUNDS_SECONDS = (-1.0, 1.0)


class Pace:
    """When a contestant comes: later where contestants win, and earlier where they lose.

    So either side wins about as often, however slow the machine is.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        # Half of the pause between two sweeps.
        self._middle = PAUSE_SECONDS / 2

    def moment(self) -> float:
        return self._middle + self._rng.uniform(-SCATTER_SECONDS, SCATTER_SECONDS)

    def note(self, *, won: bool) -> None:
        self._middle += STEP_SECONDS if won else -STEP_SECONDS
        self._middle = min(max(self._middle, BOUNDS_SECONDS[0]), BOUNDS_SECONDS[1])


class Lines:
    """Connections for everybody: one is waited for if all are in use."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._free: asyncio.Queue[Line] = asyncio.Queue()
        for line in lines:
            self._free.put_nowait(line)

    async def send(self, *words: str, **how: object) -> Answer:
        """One request, repeated for as long as nobody can say what comes of it."""
        line = await self._free.get()
        try:
            while (answer := await line.send(*words, **how)).status == 503:
                await asyncio.sleep(0.05)
            return answer
        finally:
            self._free.put_nowait(line)


@pytest_asyncio.fixture(loop_scope="module")
async def lines(shop: KeptShop) -> AsyncIterator[Lines]:
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(calling(shop.address)) for _ in range(ROUNDS_AT_ONCE)
        ]
        yield Lines(connections)


@pytest.fixture
def rng() -> random.Random:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


async def hold(shop: KeptShop, lines: Lines, sale_id: str) -> list[UUID]:
    """A thousand holds of one unit, which do not end by themselves."""
    path, body = f"/v1/sales/{sale_id}/checkout", {"lines": [{"sku": "LAMP-1", "quantity": 1}]}
    answers = await asyncio.gather(
        *(
            lines.send("POST", path, token=shop.token(f"c-{number}"), body=body)
            for number in range(ROUNDS)
        )
    )
    assert {answer.status for answer in answers} == {201}
    await until_true(lambda: has_rows(shop, sale_id))
    return [UUID(answer.body["id"]) for answer in answers]


async def has_rows(shop: KeptShop, sale_id: str) -> bool:
    return len(await states(shop, sale_id)) == ROUNDS


async def states(shop: KeptShop, sale_id: str) -> dict[UUID, tuple[str, UUID | None]]:
    """How each reservation stands, and what replaced it."""
    rows = await shop.servers.database.rows(
        "select id, state, replaced_by from reservation where sale_id = $1", sale_id
    )
    return {row["id"]: (row["state"], row["replaced_by"]) for row in rows}


async def race(
    shop: KeptShop,
    holds: Sequence[UUID],
    contend: Callable[[UUID, Callable[[], float]], Awaitable[bool]],
    rng: random.Random,
) -> None:
    """Let each hold end, and contestants come around that; they tell whether they were in time."""
    turns, pace = asyncio.Semaphore(ROUNDS_AT_ONCE), Pace(rng)

    async def round_of(hold: UUID) -> None:
        async with turns:
            await shop.servers.database.execute(
                "update reservation r set deadline = clock_timestamp() - c.shift + $2::interval "
                "from hold_clock c where r.id = $1 and c.sale_id = r.sale_id",
                hold,
                timedelta(seconds=SOON_SECONDS),
            )
            pace.note(won=await contend(hold, lambda: SOON_SECONDS + pace.moment()))

    await asyncio.gather(*map(round_of, holds))


async def confirm(lines: Lines, key: str, hold: UUID, reference: str) -> Answer:
    return await lines.send(
        "POST",
        f"/v1/reservations/{hold}/confirm",
        token=key,
        body={"payment_reference": f"{reference}-{hold}"},
    )


def both_win(wins: Counter[str]) -> bool:
    print(dict(wins))
    return wins.total() == ROUNDS and len(wins) == 2 and min(wins.values()) >= WINS_AT_LEAST


async def returned(shop: KeptShop, sale_id: str) -> int:
    """How many returns the ledger has asked for: the key keeps each to one."""
    row = await shop.servers.database.row(
        "select count(*) from outbox where sale_id = $1 and kind = 'return'", sale_id
    )
    assert row is not None
    return int(row[0])


async def test_pay_against_expire(
    shop: KeptShop, settle_key: str, lines: Lines, rng: random.Random
) -> None:
    """Pain 3. Where expiry has won, the payment buys the same again: there are units left."""
    sale_id = await shop.sell(2 * ROUNDS)
    holds = await hold(shop, lines, sale_id)
    paid: dict[UUID, UUID] = {}

    async def pay(hold: UUID, moment: Callable[[], float]) -> bool:
        await asyncio.sleep(moment())
        answer = await confirm(lines, settle_key, hold, "pay")
        assert (answer.status, answer.body["state"]) == (200, "paid"), answer
        paid[hold] = UUID(answer.body["id"])
        return paid[hold] == hold

    await race(shop, holds, pay, rng)
    kept = await states(shop, sale_id)
    for each in holds:
        state, replaced_by = kept[each]
        assert (state, paid[each]) in {("paid", each), ("expired", replaced_by)}
        assert kept[paid[each]] == ("paid", None)
    wins = Counter(kept[each][0] for each in holds)
    assert both_win(wins)
    assert await returned(shop, sale_id) == wins["expired"]
    await shop.audited(sale_id)


async def test_release_against_expire(
    shop: KeptShop, settle_key: str, lines: Lines, rng: random.Random
) -> None:
    """Pain 5: units that come back twice."""
    sale_id = await shop.sell(ROUNDS)
    holds = await hold(shop, lines, sale_id)
    released: set[UUID] = set()

    async def release(hold: UUID, moment: Callable[[], float]) -> bool:
        await asyncio.sleep(moment())
        path = f"/v1/reservations/{hold}/release"
        answer = await lines.send("POST", path, token=settle_key)
        if answer.status == 200:
            released.add(hold)
        else:
            assert is_problem(answer, 409, "reservation-expired")
        return answer.status == 200

    await race(shop, holds, release, rng)
    kept = await states(shop, sale_id)
    for each in holds:
        assert kept[each][0] == ("released" if each in released else "expired")
    assert both_win(Counter(kept[each][0] for each in holds))
    assert await returned(shop, sale_id) == ROUNDS
    await until_true(lambda: has_units(shop, sale_id, ROUNDS))
    await shop.audited(sale_id)


async def has_units(shop: KeptShop, sale_id: str, units: int) -> bool:
    return await shop.stock(sale_id) == {"LAMP-1": units}


async def test_two_payments_of_one_reservation(
    shop: KeptShop, settle_key: str, lines: Lines, rng: random.Random
) -> None:
    """Pain 10, and pain 9: one charge for one order, before the deadline and after it."""
    sale_id = await shop.sell(2 * ROUNDS)
    holds = await hold(shop, lines, sale_id)
    wins: Counter[str] = Counter()
    paid: dict[UUID, UUID] = {}

    async def pay_twice(hold: UUID, moment: Callable[[], float]) -> bool:
        async def pay(reference: str) -> Answer:
            await asyncio.sleep(moment())
            return await confirm(lines, settle_key, hold, reference)

        one, other = await asyncio.gather(pay("one"), pay("other"))
        winner, loser = (one, other) if one.status == 200 else (other, one)
        assert (winner.status, winner.body["state"]) == (200, "paid"), winner
        paid[hold] = UUID(winner.body["id"])
        code = "already-paid" if paid[hold] == hold else "reservation-expired"
        assert is_problem(loser, 409, code)
        assert loser.body["refund_required"] is True
        wins["one" if winner is one else "other"] += 1
        return paid[hold] == hold

    await race(shop, holds, pay_twice, rng)
    kept = await states(shop, sale_id)
    for each in holds:
        assert kept[paid[each]][0] == "paid"
    assert sum(state == "paid" for state, _ in kept.values()) == ROUNDS
    assert both_win(wins)
    print(Counter(kept[each][0] for each in holds))
    await shop.audited(sale_id)


async def test_lowering_stock_against_a_checkout(
    shop: KeptShop, lines: Lines, rng: random.Random
) -> None:
    """Pain 2. Of a thousand items the last unit is wanted by a buyer and by the operator."""
    skus = [f"SKU-{number:03d}" for number in range(ROUNDS // 2)]
    sales = [await shop.sell(dict.fromkeys(skus, 1)) for _ in range(2)]
    turns, pace = asyncio.Semaphore(ROUNDS_AT_ONCE // 2), Pace(rng)

    async def round_of(sale_id: str, sku: str) -> str:
        async with turns:
            bought, taken_out = await asyncio.gather(
                buy(shop, lines, sale_id, sku, pace.moment()), take_out(shop, sale_id, sku)
            )
        assert bought != taken_out, (sale_id, sku)
        pace.note(won=bought)
        return "bought" if bought else "taken out"

    wins = Counter(
        await asyncio.gather(*(round_of(sale_id, sku) for sale_id in sales for sku in skus))
    )
    assert both_win(wins)
    for sale_id in sales:
        assert set((await shop.stock(sale_id)).values()) == {0}
        await shop.audited(sale_id)


async def buy(shop: KeptShop, lines: Lines, sale_id: str, sku: str, moment: float) -> bool:
    await asyncio.sleep(moment)
    path, body = f"/v1/sales/{sale_id}/checkout", {"lines": [{"sku": sku, "quantity": 1}]}
    answer = await lines.send("POST", path, token=shop.token(f"c-{sku}"), body=body)
    assert answer.status == 201 or is_problem(answer, 409, "insufficient-stock")
    return answer.status == 201


async def take_out(shop: KeptShop, sale_id: str, sku: str) -> bool:
    adjustment = Adjustment(
        sale_id=sale_id, sku=sku, delta=-1, reason="broken", actor="cli:test", request=None
    )
    try:
        return await adjust(shop.servers, adjustment) is Done.CHANGED
    except NotDone:
        return False
