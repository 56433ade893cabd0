"""What the reconcilers keep, read from both stores while they keep it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio
from drafts import draft, open_sale

from doorbuster.doctor.service_facts import ServiceFacts, read_service
from lua.keys import record
from lua.server import Server
from reconciler.metrics import Metrics
from reconciler.self_audit import Rhythm
from reconciler.service import Service
from sql.alarms import AlarmKind, raise_alarm
from sql.database import Database
from sql.sales import create

# Longer than a recovery takes, and than any test.
PATIENT_SECONDS = 20.0
RELAYED = """
with relayed as (update outbox set done = true where not done)
insert into outbox (sale_id, kind, key, body) values ($1, 'state', gen_random_uuid(), '{}')
"""


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


@pytest_asyncio.fixture
async def server(redis_url: str) -> AsyncIterator[Server]:
    async with Server(redis_url) as server:
        yield server


@asynccontextmanager
async def reconciling(database: Database, server: Server) -> AsyncIterator[None]:
    """A reconciler beside the test, which begins once it has been heard of."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            Service(database, server, Metrics(), Rhythm(0), leases=database).run(stop)
        )
        async with asyncio.timeout(10):
            while not (await read_service(database, None, patience_seconds=0)).reconcilers:
                await asyncio.sleep(0.01)
        yield
        stop.set()


async def facts(database: Database, server: Server | None, seconds: float = 0) -> ServiceFacts:
    return await read_service(database, server, patience_seconds=seconds)


async def test_a_sale_that_nobody_keeps_is_told_at_once(
    database: Database, server: Server, sale_id: str
) -> None:
    await open_sale(database, draft(sale_id))
    async with asyncio.timeout(5):
        found = await facts(database, server, PATIENT_SECONDS)
    assert (found.reconcilers, found.sales) == (0, 1)
    assert [each.sale_id for each in found.unled] == [sale_id]
    assert [(each.sale_id, each.pending) for each in found.stuck] == [(sale_id, 1)]
    assert found.records is not None
    assert [(each.sale_id, each.proven) for each in found.records] == [(sale_id, False)]


async def test_a_draft_needs_nobody(database: Database, server: Server, sale_id: str) -> None:
    await create(database, draft(sale_id))
    found = await facts(database, server)
    assert (found.sales, found.unled, found.stuck, found.records) == (0, (), (), ())


async def test_what_a_reconciler_is_about_to_do_is_waited_for(
    database: Database, server: Server, sale_id: str
) -> None:
    async with reconciling(database, server):
        await open_sale(database, draft(sale_id))
        found = await facts(database, server, PATIENT_SECONDS)
    assert (found.reconcilers, found.unled, found.stuck) == (1, (), ())
    assert found.records is not None
    (kept,) = found.records
    assert (kept.sale_id, kept.proven, kept.wanted) == (sale_id, True, None)
    assert kept.stamped == "fsync"


async def test_a_recovery_is_waited_for(database: Database, server: Server, sale_id: str) -> None:
    async with reconciling(database, server):
        await open_sale(database, draft(sale_id))
        await facts(database, server, PATIENT_SECONDS)
        await server.command("DEL", record(sale_id))
        found = await facts(database, server, PATIENT_SECONDS)
    assert found.records is not None
    assert [each.proven for each in found.records] == [True]


@pytest_asyncio.fixture
async def led(database: Database, sale_id: str) -> str:
    """An open sale that a reconciler claims to lead, and does nothing for."""
    await open_sale(database, draft(sale_id))
    await database.execute("insert into reconciler values (gen_random_uuid(), now())")
    await database.execute("update lease set until = now() + interval '1 hour'")
    return sale_id


async def test_a_row_that_stays_pending_is_told(database: Database, led: str) -> None:
    found = await facts(database, None, 0.3)
    assert [(each.sale_id, each.pending) for each in found.stuck] == [(led, 1)]


async def test_an_outbox_that_is_busy_is_not_stuck(database: Database, led: str) -> None:
    looking = asyncio.create_task(facts(database, None, PATIENT_SECONDS))
    while not looking.done():
        # There is always a pending row, and soon another one.
        await database.execute(RELAYED, led)
    assert looking.result().stuck == ()


async def test_open_alarms_are_read(database: Database, sale_id: str) -> None:
    await open_sale(database, draft(sale_id))
    await raise_alarm(database, sale_id, AlarmKind.CONTRADICTED, "a gap after version 7")
    assert [each.what for each in (await facts(database, None)).alarms] == ["a gap after version 7"]


async def test_without_redis_records_are_left_out(database: Database, sale_id: str) -> None:
    await open_sale(database, draft(sale_id))
    assert (await facts(database, None)).records is None
