"""Payments that arrive together: in one transaction, or in one each."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from bench.case import Case, Figures, Plan, Unmeasurable
from bench.cpu import metered
from bench.ground import ground
from bench.ledger_rows import insert, prepared
from bench.suite import Suite
from doorbuster.ledger import migrated
from gateway.cashier import Cashier
from sql.database import Database

# As many as a shop's payment service may have in flight in a rush.
PAYERS: Final = 512
# The usual size of a pool; more of them would wait for the same disk.
CONNECTIONS: Final = 32
CEILING_PER_S: Final = 25_000
ROWS_AT_A_TIME: Final = 2_000

# What the ledger does for a payment of a held reservation, as one statement.
_PAY: Final = """
update reservation set state = 'paid', settled_at = now(), payment_reference = $2
where id = $1 and state = 'held'
"""

_Pay: TypeAlias = Callable[[UUID, str], Awaitable[object]]


def cases(plan: Plan) -> list[Case]:
    """Our cashier, and what it is compared with."""
    return [
        Case(
            subject="doorbuster",
            says=f"the gateway's cashier with {PAYERS} payments in flight, grouped; without HTTP",
            measure=partial(_measure, plan, PAYERS, _grouped),
        ),
        Case(
            subject="one a transaction",
            says=f"one UPDATE a payment, on {CONNECTIONS} connections of asyncpg; without HTTP",
            measure=partial(_measure, plan, CONNECTIONS, _singly),
        ),
    ]


async def _measure(
    plan: Plan,
    payers: int,
    paying: Callable[[Database], AbstractAsyncContextManager[_Pay]],
) -> Figures:
    ids = [uuid4() for _ in range(CEILING_PER_S * plan.seconds)]
    async with ground(plan.folder) as own:
        url = await own.postgres()
        await migrated(url)
        async with Database(url, connections=CONNECTIONS) as database:
            for first in range(0, len(ids), ROWS_AT_A_TIME):
                await insert(database, prepared(ids[first : first + ROWS_AT_A_TIME]))
            async with paying(database) as pay:
                with metered(own.processes) as meter:
                    began = time.monotonic()
                    await _pay_all(pay, iter(ids), payers, began + plan.seconds)
                    seconds = time.monotonic() - began
            paid = await _count_paid(database)
    if paid == len(ids):
        raise Unmeasurable("there were too few reservations")
    return {"confirms_per_s": paid / seconds, **meter.each(paid)}


async def _count_paid(database: Database) -> int:
    row = await database.row("select count(*) as paid from reservation where state = 'paid'")
    return 0 if row is None else row["paid"]


async def _pay_all(pay: _Pay, ids: Iterator[UUID], payers: int, until: float) -> None:
    async def payer() -> None:
        while time.monotonic() < until and (reservation := next(ids, None)):
            await pay(reservation, f"payment-{reservation}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(payers):
            tasks.create_task(payer())


@asynccontextmanager
async def _grouped(database: Database) -> AsyncIterator[_Pay]:
    async with asyncio.TaskGroup() as tasks:
        yield Cashier(database, tasks).pay


@asynccontextmanager
async def _singly(database: Database) -> AsyncIterator[_Pay]:
    async def pay(reservation: UUID, reference: str) -> None:
        await database.execute(_PAY, reservation, reference)

    yield pay


SUITE: Final = Suite(
    name="settle",
    says="payments that arrive together",
    drawn="confirms_per_s",
    cases=cases,
)
