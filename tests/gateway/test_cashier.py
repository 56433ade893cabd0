"""Payments that arrive while a transaction is in flight share the next one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio
from holds import holds

from gateway.cashier import Cashier
from sql.database import Database
from sql.faults import LedgerFault
from sql.reservations import State


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


async def _transactions(database: Database, ids: Sequence[UUID]) -> int:
    """How many transactions wrote these rows: each leaves its own number on what it wrote."""
    row = await database.row(
        "select count(distinct xmin::text) from reservation where id = any($1)", list(ids)
    )
    assert row is not None
    return int(row[0])


async def test_a_hundred_at_once_are_paid_in_two_transactions(
    database: Database, sale_id: str
) -> None:
    ids = await holds(database, sale_id, 100)
    async with asyncio.TaskGroup() as tasks:
        cashier = Cashier(database, tasks)
        settled = await asyncio.gather(*(cashier.pay(each, f"pay-{each}") for each in ids))
    assert all(each is not None and each.settled.state is State.PAID for each in settled)
    assert await _transactions(database, ids) <= 2


async def test_of_two_payments_of_one_reservation_the_first_wins(
    database: Database, sale_id: str
) -> None:
    (one,) = await holds(database, sale_id, 1)
    async with asyncio.TaskGroup() as tasks:
        cashier = Cashier(database, tasks)
        first, second = await asyncio.gather(cashier.pay(one, "first"), cashier.pay(one, "second"))
    assert first is not None
    assert first == second
    assert first.settled.reference == "first"


async def test_what_the_ledger_does_not_have_is_none_of_its_neighbours_trouble(
    database: Database, sale_id: str
) -> None:
    (one,) = await holds(database, sale_id, 1)
    async with asyncio.TaskGroup() as tasks:
        cashier = Cashier(database, tasks)
        found, missing = await asyncio.gather(
            cashier.pay(one, "first"), cashier.pay(uuid4(), "second")
        )
    assert found is not None
    assert found.settled.state is State.PAID
    assert missing is None


async def test_a_ledger_that_is_away_is_told_to_each_and_comes_back(
    database_url: str, database: Database, sale_id: str
) -> None:
    ids = await holds(database, sale_id, 3)
    keeper = await asyncpg.connect(database_url)
    try:
        await keeper.execute("alter table reservation rename to hidden")
        async with asyncio.TaskGroup() as tasks:
            cashier = Cashier(database, tasks)
            refused = await asyncio.gather(
                *(cashier.pay(each, "p") for each in ids), return_exceptions=True
            )
            assert all(isinstance(each, LedgerFault) for each in refused)
            await keeper.execute("alter table hidden rename to reservation")
            paid = await asyncio.gather(*(cashier.pay(each, "p") for each in ids))
    finally:
        await keeper.close()
    assert all(each is not None and each.settled.state is State.PAID for each in paid)
