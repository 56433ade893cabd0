"""Payments that arrive together: in one transaction, or in one each."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from bench import installation, paying, wrk
from bench.buying import EACH_NEW, WARM_UP_SECONDS
from bench.case import Case, Figures, Plan, Unmeasurable
from bench.cpu import metered
from bench.filling import books
from bench.ground import ground
from bench.ledger_rows import insert, prepared
from bench.subject import Shop
from bench.subjects import doorbuster
from bench.subjects.peers import serve, uvicorn
from bench.suite import Suite
from bench.tokens import token_store
from bench.waiting import until
from bench.wrk import Payments
from doorbuster.ledger import migrated
from gateway.cashier import Cashier
from sql.database import Database

# As many as a shop's payment service may have in flight in a rush.
PAYERS: Final = 512
# The usual size of a pool; more of them would wait for the same disk.
CONNECTIONS: Final = 32
CEILING_PER_S: Final = 25_000
CEILING_OVER_HTTP_PER_S: Final = 8_000
CATCHING_UP_SECONDS: Final = 60
ROWS_AT_A_TIME: Final = 2_000

# What the ledger does for a payment of a held reservation, as one statement, and what is answered.
_PAY: Final = """
update reservation set state = 'paid', settled_at = now(), payment_reference = $2
where id = $1 and state = 'held'
returning id, sale_id, lines, version, created_at, deadline
"""

# What the peer's only caller brings.
_KEY: Final = "a key that only this benchmark knows"
LOOK_SECONDS: Final = 0.3

_Pay: TypeAlias = Callable[[UUID, str], Awaitable[object]]


def cases(plan: Plan) -> list[Case]:
    """Our cashier, and what it is compared with, both alone and as a whole server."""
    shop = Shop(folder=plan.folder, tokens=token_store(plan.folder)(EACH_NEW.algorithm))
    cases = [
        Case(
            subject="doorbuster",
            says=f"the gateway's cashier with {PAYERS} payments in flight, grouped; without HTTP",
            measure=partial(_measure, plan, shop, PAYERS, _grouped),
        ),
        Case(
            subject="one a transaction",
            says=f"one UPDATE a payment, on {CONNECTIONS} connections of asyncpg; without HTTP",
            measure=partial(_measure, plan, shop, CONNECTIONS, _singly),
        ),
        Case(
            subject="doorbuster, over HTTP",
            says=f"the whole gateway, {plan.connections} payments in flight",
            measure=partial(_over_http, plan, shop),
        ),
        Case(
            subject="one a transaction, over HTTP",
            says=f"Starlette on the same uvicorn, that UPDATE, {plan.connections} in flight",
            measure=partial(_singly_over_http, plan, shop),
        ),
    ]
    return cases[:-1] if plan.quick else cases


async def _measure(
    plan: Plan,
    shop: Shop,
    payers: int,
    cashier: Callable[[str], AbstractAsyncContextManager[_Pay]],
) -> Figures:
    ids = [uuid4() for _ in range(CEILING_PER_S * plan.seconds)]
    async with ground(plan.folder) as own:
        url = await own.postgres()
        await migrated(url)
        async with Database(url) as database:
            await _insert_all(database, shop, ids)
            async with cashier(url) as pay:
                with metered(own.processes) as meter:
                    began = time.monotonic()
                    await _pay_all(pay, iter(ids), payers, began + plan.seconds)
                    seconds = time.monotonic() - began
            paid = await paying.count_paid(database)
    if paid == len(ids):
        raise Unmeasurable("there were too few reservations")
    return {"confirms_per_s": paid / seconds, **meter.each(paid)}


async def _insert_all(database: Database, shop: Shop, ids: list[UUID]) -> None:
    await doorbuster.create_sale(database, shop)
    for first in range(0, len(ids), ROWS_AT_A_TIME):
        await insert(database, prepared(ids[first : first + ROWS_AT_A_TIME], first=first + 1))


async def _pay_all(pay: _Pay, ids: Iterator[UUID], payers: int, until: float) -> None:
    async def payer() -> None:
        while time.monotonic() < until and (reservation := next(ids, None)):
            await pay(reservation, f"payment-{reservation}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(payers):
            tasks.create_task(payer())


@asynccontextmanager
async def _grouped(url: str) -> AsyncIterator[_Pay]:
    async with Database(url) as database, asyncio.TaskGroup() as tasks:
        yield Cashier(database, tasks).pay


@asynccontextmanager
async def _singly(url: str) -> AsyncIterator[_Pay]:
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:

        async def pay(reservation: UUID, reference: str) -> None:
            await pool.fetchrow(_PAY, reservation, reference)

        yield pay


async def _over_http(plan: Plan, shop: Shop) -> Figures:
    async with (
        doorbuster.subject().start(shop) as running,
        books(running.redis_url, running.database_url, doorbuster.SALE) as sale,
    ):
        await sale.fill(_payments_over_http(plan))

        async def has_all() -> bool:
            return await sale.committed() == await sale.version()

        await until(has_all, seconds=CATCHING_UP_SECONDS)
        key = await paying.settle_key(sale.database)
        return await _pay_over_http(plan, sale.database, running.address, key, running.processes)


async def _singly_over_http(plan: Plan, shop: Shop) -> Figures:
    async with ground(plan.folder) as own:
        url = await own.postgres()
        await migrated(url)
        async with Database(url) as database:
            await _insert_all(database, shop, [uuid4() for _ in range(_payments_over_http(plan))])
            program = uvicorn(await installation.python(), "settle_singly")
            address = await serve(own, program, {"DATABASE_URL": url, "API_KEY": _KEY})
            return await _pay_over_http(plan, database, address, _KEY, own.processes)


def _payments_over_http(plan: Plan) -> int:
    return CEILING_OVER_HTTP_PER_S * (WARM_UP_SECONDS + plan.seconds)


async def _pay_over_http(
    plan: Plan, database: Database, address: tuple[str, int], key: str, processes: Mapping[str, int]
) -> Figures:
    ids = await paying.held(database, _payments_over_http(plan))
    most = CEILING_OVER_HTTP_PER_S * WARM_UP_SECONDS
    with tempfile.NamedTemporaryFile(dir=plan.folder) as file:
        payments = Payments(
            address=address,
            file=Path(file.name),
            key=key,
            connections=plan.connections,
            seconds=WARM_UP_SECONDS,
        )
        paying.write(payments.file, ids[:most])
        await wrk.pay(payments)
        paying.write(payments.file, ids[most:])
        before = await _settled(database)
        with metered(processes) as meter:
            result = await wrk.pay(replace(payments, seconds=plan.seconds))
            paid = await _settled(database) - before
    if result.refused or result.broken or not result.accepted <= paid:
        raise Unmeasurable(f"{paid} were paid: {result}")
    return {"confirms_per_s": result.accepted / result.seconds, **meter.each(paid)}


async def _settled(database: Database) -> int:
    """How many are paid, once nobody pays any more: wrk leaves within its last requests."""
    seen = -1
    while seen != (seen := await paying.count_paid(database)):
        await asyncio.sleep(LOOK_SECONDS)
    return seen


SUITE: Final = Suite(
    name="settle",
    says="payments that arrive together",
    drawn="confirms_per_s",
    cases=cases,
)
