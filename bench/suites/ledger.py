"""Orders on their way into Postgres."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final
from uuid import uuid4

import asyncpg

from bench import wrk
from bench.buying import EACH_NEW, WARM_UP_SECONDS, warmed_up
from bench.case import Case, Figures, Plan, Unmeasurable
from bench.cpu import metered
from bench.filling import Books, books
from bench.ground import ground
from bench.ledger_rows import insert, prepared
from bench.peer import SOURCES
from bench.subject import Running, Shop, Subject
from bench.subjects import doorbuster, peers
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.waiting import until
from bench.wrk import Load
from doorbuster.ledger import migrated
from sql.database import Database

# The reconciler and the bare insert get so many orders for each second that was asked for.
ORDERS_PER_S: Final = 30_000
QUICK_ORDERS_PER_S: Final = 8_000
ORDERS_A_TRANSACTION: Final = 2_000
CONNECTIONS: Final = 32
CATCHING_UP_SECONDS: Final = 120
FULL_LOAD_SECONDS: Final = 31
MILESTONES_SECONDS: Final = (15, 30)
# A batch is committed all at once, so that a moment's backlog is anything between none and two
# batches: what counts is the mean of the second up to a milestone.
LOOKS: Final = 20


def cases(plan: Plan) -> list[Case]:
    """The reconciler alone, what it is compared with, and the whole way from HTTP."""
    tokens = token_store(plan.folder)(EACH_NEW.algorithm)
    whole_way = (
        (doorbuster.subject(),) if plan.quick else (doorbuster.subject(), peers.FASTIFY_WRITER)
    )
    return [
        Case(
            subject="reconciler",
            says="the reconciler, from a stream that is full when it starts to the checkpoint",
            measure=partial(_reconciler, plan, tokens),
        ),
        Case(
            subject="bare insert",
            says=f"such rows by `unnest`, {ORDERS_A_TRANSACTION} a transaction, nothing checked",
            measure=partial(_bare_insert, plan),
        ),
        Case(
            subject="one a transaction",
            says=f"one row-locked transaction an order, one round trip, {CONNECTIONS} connections",
            measure=partial(_one_a_transaction, plan),
        ),
        *(
            Case(
                subject=f"{subject.name}, end to end",
                says=f"from HTTP to the commit in Postgres: {subject.says}",
                measure=partial(_end_to_end, plan, subject, tokens),
            )
            for subject in whole_way
        ),
        Case(
            subject="doorbuster, full load",
            says="changes that Redis has and the ledger has not, under full load",
            measure=partial(_backlog, plan, tokens),
        ),
    ]


async def _reconciler(plan: Plan, tokens: Tokens) -> Figures:
    count = _orders(plan)
    shop = Shop(folder=plan.folder, tokens=tokens)
    async with (
        doorbuster.opened(shop) as sale,
        books(sale.redis_url, sale.database_url, doorbuster.SALE) as both,
    ):
        await both.fill(count)
        began = await both.committed()
        await sale.start_reconciler()
        await until(partial(_has_moved, both, began), seconds=CATCHING_UP_SECONDS)
        # The clock runs from the first commit on: taking the sale is no part of it.
        first, started = await both.committed(), time.monotonic()
        with metered(sale.processes) as meter:
            await until(partial(_is_level, both), seconds=CATCHING_UP_SECONDS)
        orders = await both.committed() - first
        seconds = time.monotonic() - started
    return {"orders_per_s": orders / seconds, **meter.each(orders)}


async def _has_moved(sale: Books, began: int) -> bool:
    return await sale.committed() > began


async def _is_level(sale: Books) -> bool:
    return await sale.committed() == await sale.version()


async def _bare_insert(plan: Plan) -> Figures:
    count = _orders(plan)
    batches = [
        prepared([uuid4() for _ in range(ORDERS_A_TRANSACTION)], first=first)
        for first in range(1, count + 1, ORDERS_A_TRANSACTION)
    ]
    async with ground(plan.folder) as own:
        url = await own.postgres()
        await migrated(url)
        async with Database(url) as database:
            began = time.monotonic()
            with metered(own.processes) as meter:
                for batch in batches:
                    await insert(database, batch)
            seconds = time.monotonic() - began
    orders = len(batches) * ORDERS_A_TRANSACTION
    return {"orders_per_s": orders / seconds, **meter.each(orders)}


async def _one_a_transaction(plan: Plan) -> Figures:
    async with ground(plan.folder) as own:
        url = await own.postgres()
        pool = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
        async with pool:
            await pool.execute((SOURCES / "row_lock.sql").read_text())
            await pool.execute("insert into item values ('LAMP-1', 1000000000)")
            until_time = time.monotonic() + plan.seconds
            with metered(own.processes) as meter:
                began = time.monotonic()
                async with asyncio.TaskGroup() as tasks:
                    for number in range(CONNECTIONS):
                        tasks.create_task(_order_until(pool, number, until_time))
                seconds = time.monotonic() - began
            orders: int = await pool.fetchval("select count(*) from placed")
    return {"orders_per_s": orders / seconds, **meter.each(orders)}


async def _order_until(pool: "asyncpg.Pool[asyncpg.Record]", buyer: int, until_time: float) -> None:
    number = 0
    while time.monotonic() < until_time:
        number += 1
        await pool.fetchrow(
            "select * from place_order($1, $2, $3, 'LAMP-1', 1, 1)",
            uuid4(), f"{buyer}-{number}", f"{number}",
        )  # fmt: skip


async def _end_to_end(plan: Plan, subject: Subject, tokens: Tokens) -> Figures:
    async with _loaded(plan, subject, tokens, plan.seconds) as (running, load):
        before = await _committed(running)
        began = time.monotonic()
        with metered(running.processes) as meter:
            result = await wrk.run(load)
            await until(partial(_has_all, running), seconds=CATCHING_UP_SECONDS)
        seconds = time.monotonic() - began
        orders = await _committed(running) - before
    if result.refused or result.broken or not result.accepted <= orders:
        raise Unmeasurable(f"{orders} orders were committed: {result}")
    return {"orders_per_s": orders / seconds, **meter.each(orders)}


@asynccontextmanager
async def _loaded(
    plan: Plan, subject: Subject, tokens: Tokens, seconds: int
) -> AsyncIterator[tuple[Running, Load]]:
    """A subject that is warmed up and level, and a load for it."""
    tokens.prepare(EACH_NEW.tokens_for(WARM_UP_SECONDS + seconds))
    shop = Shop(folder=plan.folder, tokens=tokens, limit=EACH_NEW.limit)
    async with subject.start(shop) as running:
        load = Load(
            address=running.address,
            tokens=tokens,
            connections=plan.connections,
            seconds=seconds,
        )
        load = await warmed_up(running, load)
        await until(partial(_has_all, running), seconds=CATCHING_UP_SECONDS)
        yield running, load


async def _has_all(running: Running) -> bool:
    if running.taken is None:
        raise Unmeasurable("it sells nothing")
    return await _committed(running) >= await running.taken()


async def _committed(running: Running) -> int:
    if running.committed is None:
        raise Unmeasurable("it has no ledger")
    return await running.committed()


async def _backlog(plan: Plan, tokens: Tokens) -> Figures:
    milestones = (1, 2) if plan.quick else MILESTONES_SECONDS
    seconds = 3 if plan.quick else FULL_LOAD_SECONDS
    async with (
        _loaded(plan, doorbuster.subject(), tokens, seconds) as (running, load),
        books(running.redis_url, running.database_url, doorbuster.SALE) as sale,
    ):
        began, before = time.monotonic(), await sale.version()
        loading = asyncio.create_task(wrk.run(load))
        figures: dict[str, float] = {}
        for milestone in milestones:
            await asyncio.sleep(began + milestone - 1 - time.monotonic())
            figures[f"backlog_at_{milestone}_s"] = await _mean_backlog(sale)
        result = await loading
        admitted = await sale.version() - before
    return {"admitted_per_s": admitted / result.seconds, **figures}


async def _mean_backlog(sale: Books) -> float:
    """The mean of a second."""
    behind = []
    for _ in range(LOOKS):
        behind.append(await sale.version() - await sale.committed())
        await asyncio.sleep(1 / LOOKS)
    return sum(behind) / LOOKS


def _orders(plan: Plan) -> int:
    return QUICK_ORDERS_PER_S if plan.quick else ORDERS_PER_S * plan.seconds


SUITE: Final = Suite(
    name="ledger",
    says="orders on their way into Postgres",
    drawn="orders_per_s",
    cases=cases,
)
