"""Holds that nobody pays end when their time is up, and their units can be sold again soon."""

import time

import pytest
from drafts import LAMP, MUG
from till import Till, eventually

from lua.server import Server
from sql.database import Database
from sql.settlement import Payment, pay


async def test_an_unpaid_hold_ends_and_a_paid_one_stays(
    database: Database, server: Server, sale_id: str
) -> None:
    till = Till(database, server, sale_id)
    await till.open(hold_seconds=1)
    async with till.kept():
        paid, unpaid = await till.buy(2)
        await till.until_settled()
        await pay(database, [Payment(reservation=paid, reference="payment")])
        await eventually(lambda: _has_ended(till, unpaid.hex))
        await till.check_books()
    assert await till.count("reservation", "state = 'paid'") == 1


async def _has_ended(till: Till, reservation: str) -> bool:
    stored = await till.store.find(till.epoch, reservation)
    return stored is not None and stored.startswith("x")


@pytest.mark.timeout(180)
async def test_ten_thousand_holds_that_end_together_are_back_within_five_seconds(
    database: Database, server: Server, sale_id: str
) -> None:
    till = Till(database, server, sale_id)
    await till.open({LAMP: 10_000, MUG: 1})
    async with till.kept():
        await till.buy(10_000)
        await till.until_settled(60)
        assert await till.available() == 0
        await database.execute("update reservation set deadline = now()")
        began = time.monotonic()
        await eventually(lambda: _all_are_back(till), seconds=60)
        assert time.monotonic() - began < 5
        await till.check_books()
    assert await till.count("outbox", "kind = 'return'") == 10_000


async def _all_are_back(till: Till) -> bool:
    return await till.available() == 10_000


async def test_nothing_ends_because_nobody_kept_the_sale(
    database: Database, server: Server, sale_id: str
) -> None:
    till = Till(database, server, sale_id)
    await till.open(hold_seconds=20)
    async with till.kept():
        await till.buy(3)
        await till.until_settled()
    # As if that had been a minute ago.
    await database.execute("update reservation set deadline = deadline - interval '1 minute'")
    await database.execute("update hold_clock set swept_at = swept_at - interval '1 minute'")
    async with till.kept():
        await eventually(lambda: _has_shift(till))
        await till.check_books()
    assert await till.count("reservation", "state = 'held'") == 3


async def _has_shift(till: Till) -> bool:
    return await till.count("hold_clock", "shift > interval '50 seconds'") == 1
