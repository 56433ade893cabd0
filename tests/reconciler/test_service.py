"""The service leads its share of the sales, gives them up cleanly, and outlives its servers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from till import Till, cancelled_after, eventually

import reconciler.service
from lua.server import Server
from reconciler.metrics import Metrics
from reconciler.self_audit import Rhythm
from reconciler.service import ReconcilerConfig, Service, run
from sql.database import Database
from sql.faults import LedgerFault
from sql.leases import renew

SALES = 4


@pytest.fixture
async def tills(database: Database, server: Server, sale_id: str) -> list[Till]:
    """Some open sales that nobody leads."""
    tills = [Till(database, server, f"{sale_id}-{number}") for number in range(SALES)]
    for till in tills:
        await till.open()
    return tills


@asynccontextmanager
async def serving(redis_url: str, database_url: str) -> AsyncIterator[asyncio.Event]:
    """A reconciler, stopped at the end of the block."""
    stop = asyncio.Event()
    config = ReconcilerConfig(redis_url=redis_url, database_url=database_url, audit_seconds=0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(config, stop))
        try:
            yield stop
        finally:
            stop.set()


async def all_open(tills: list[Till]) -> None:
    for till in tills:
        await till.until_open()


async def test_it_opens_and_keeps_every_sale(
    tills: list[Till], redis_url: str, database_url: str
) -> None:
    async with serving(redis_url, database_url):
        await all_open(tills)
        for till in tills:
            await till.buy(10)
            await till.check_books()


async def test_two_share_the_sales_and_do_everything_once(
    tills: list[Till], redis_url: str, database_url: str
) -> None:
    async with serving(redis_url, database_url), serving(redis_url, database_url):
        await all_open(tills)
        await eventually(lambda: is_shared(tills[0].database))
        for till in tills:
            await till.buy(10)
            await till.check_books()
            assert await till.outcomes() == ["rebuilt"]


async def is_shared(database: Database) -> bool:
    rows = await database.rows(
        "select count(*) from lease where until > clock_timestamp() group by reconciler"
    )
    return [row["count"] for row in rows] == [2, 2]


async def test_a_clean_stop_takes_less_than_a_second_and_frees_the_sales(
    tills: list[Till], redis_url: str, database_url: str
) -> None:
    async with serving(redis_url, database_url) as stop:
        await all_open(tills)
        for till in tills:
            await till.buy(100)
        stop.set()
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert len(await renew(tills[0].database, uuid4(), seconds=3)) == SALES


@pytest.fixture
async def gate(postgres_url: str, database_url: str) -> "AsyncIterator[Gate]":
    """Who lets nobody into the ledger for a while; it is open again afterwards."""
    connection = await asyncpg.connect(postgres_url)
    gate = Gate(connection, database_url.partition("?")[0].rpartition("/")[2])
    yield gate
    await gate.open()
    await connection.close()


class Gate:
    def __init__(self, admin: "asyncpg.Connection[asyncpg.Record]", database: str) -> None:
        self._admin = admin
        self._database = database

    async def close(self) -> None:
        await self._admin.execute(f"alter database {self._database} allow_connections false")
        await self._admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
            self._database,
        )

    async def open(self) -> None:
        await self._admin.execute(f"alter database {self._database} allow_connections true")


async def test_a_stop_while_postgres_is_away_takes_as_little(
    tills: list[Till], redis_url: str, database_url: str, gate: Gate
) -> None:
    async with serving(redis_url, database_url) as stop:
        await all_open(tills)
        await gate.close()
        stop.set()
        began = time.monotonic()
    assert time.monotonic() - began < 1.5


async def test_a_lease_that_was_taken_is_served_no_more(
    tills: list[Till], database: Database, redis_url: str
) -> None:
    async with Server(redis_url) as server:
        service = Service(database, server, Metrics(), Rhythm(0), leases=database)
        stop = asyncio.Event()
        async with cancelled_after(service.run(stop)):
            await all_open(tills)
            await database.execute(
                "update lease set reconciler = $1, until = now() + interval '3 seconds'", uuid4()
            )
            keepers = list(service._keepers.values())
            await eventually(lambda: _all_done(keepers))


async def _all_done(tasks: list["asyncio.Task[None]"]) -> bool:
    return all(task.done() for task in tasks)


async def test_keepers_that_use_every_connection_cost_no_lease(
    tills: list[Till], redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler.service, "LEASE_SECONDS", 0.6)
    monkeypatch.setattr(reconciler.service, "RENEW_SECONDS", 0.1)
    async with (
        Server(redis_url) as server,
        Database(database_url, connections=1) as database,
        Database(database_url, connections=1) as leases,
    ):
        service = Service(database, server, Metrics(), Rhythm(0), leases=leases)
        async with cancelled_after(service.run(asyncio.Event())):
            await all_open(tills)
            async with database.connection():
                await asyncio.sleep(1.2)
                assert await renew(tills[0].database, uuid4(), seconds=3) == set()


async def test_it_goes_on_when_postgres_is_back(
    tills: list[Till], redis_url: str, database_url: str, gate: Gate
) -> None:
    async with serving(redis_url, database_url):
        await all_open(tills)
        await gate.close()
        for till in tills:
            await till.buy(50)
        await gate.open()
        for till in tills:
            await eventually(lambda till=till: _answers(till))
            await till.check_books()
            assert await till.count("reservation") == 50


async def _answers(till: Till) -> bool:
    try:
        return await till.is_settled()
    except LedgerFault:  # a connection of the test's own, which was cut, too
        return False
