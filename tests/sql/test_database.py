"""The pool survives what happens to Postgres, to its connections, and to those who wait."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from doorbuster.child import launch
from doorbuster.embedded.postgres import EmbeddedPostgres
from sql.database import Database
from sql.faults import LedgerBusy, LedgerFault, LedgerUnreachable, LedgerUnready

SEED = random.randrange(1 << 32)
# The connection that runs the statement is not one of them.
TERMINATE_OTHERS = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""


@pytest.fixture
async def killer(database_url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection of its own, from which others are terminated."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def answers(database: Database) -> bool:
    row = await database.row("select 1")
    return row is not None and row[0] == 1


async def test_postgres_stopped_is_unreachable_and_comes_back_by_itself(short_folder: Path) -> None:
    server = EmbeddedPostgres(directory=short_folder / "postgres")
    async with Database(server.url) as database:
        with pytest.raises(LedgerUnreachable):
            await answers(database)
        process = await launch(server)
        try:
            assert await answers(database)
            await process.stop(seconds=10)
            with pytest.raises(LedgerFault):
                await answers(database)
            with pytest.raises(LedgerUnreachable):
                await answers(database)
            process = await launch(server)
            assert await answers(database)
        finally:
            await process.stop(seconds=10)


async def insert(database: Database, *skus: str, then: Callable[[], Awaitable[object]]) -> None:
    """Insert some products in one transaction; `then` happens before the last one."""
    async with database.transaction() as connection:
        for number, sku in enumerate(skus, 1):
            if number == len(skus):
                await then()
            await connection.execute("insert into product values ($1, 'x', 1)", sku)


async def test_a_terminated_backend_costs_its_caller_one_fault(
    database: Database, killer: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    with pytest.raises(LedgerFault):
        await insert(database, "a", "b", then=lambda: killer.execute(TERMINATE_OTHERS))
    assert await database.rows("table product") == []


async def test_connections_that_were_terminated_are_replaced(
    database: Database, killer: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await asyncio.gather(*(answers(database) for _ in range(8)))
    await killer.execute(TERMINATE_OTHERS)
    first = await asyncio.gather(*(answers(database) for _ in range(8)), return_exceptions=True)
    assert all(each is True or isinstance(each, LedgerFault) for each in first)
    assert all(await asyncio.gather(*(answers(database) for _ in range(8))))


async def test_whatever_keeps_us_out_may_pass(database_url: str, postgres_url: str) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(postgres_url)
    async with Database(database_url) as database:
        await admin.execute(f"alter database {name} allow_connections false")
        with pytest.raises(LedgerUnreachable, match="not currently accepting connections"):
            await answers(database)
        await admin.execute(f"alter database {name} allow_connections true")
        assert await answers(database)
    await admin.close()


async def test_a_database_that_is_not_there_is_unreachable(postgres_url: str) -> None:
    url = urlsplit(postgres_url)._replace(path="/nowhere").geturl()
    async with Database(url) as database:
        with pytest.raises(LedgerUnreachable, match="does not exist"):
            await answers(database)


@pytest.mark.parametrize("code", ["40001", "40P01", "53100", "53300", "55P03", "57014", "57P01"])
async def test_what_postgres_gave_up_is_busy(database: Database, code: str) -> None:
    with pytest.raises(LedgerBusy):
        await database.execute(f"do $$ begin raise sqlstate '{code}'; end $$")
    assert await answers(database)


@pytest.mark.parametrize("code", ["58000", "58030", "58P01", "XX000", "XX001"])
async def test_what_a_sick_postgres_did_is_unknown(database: Database, code: str) -> None:
    with pytest.raises(LedgerUnreachable):
        await database.execute(f"do $$ begin raise sqlstate '{code}'; end $$")
    assert await answers(database)


async def test_a_standby_is_busy(database_url: str) -> None:
    url = f"{database_url}&default_transaction_read_only=on"
    async with Database(url) as standby:
        with pytest.raises(LedgerBusy):
            await standby.execute("insert into product values ('a', 'a', 1)")


async def test_a_database_that_is_not_migrated_is_unready(database: Database) -> None:
    with pytest.raises(LedgerUnready):
        await database.rows("table nothing")


@pytest.mark.parametrize("statement", ["select 1 / 0", "selec"])
async def test_a_defect_passes_through(database: Database, statement: str) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await database.execute(statement)


async def test_what_the_driver_cannot_send_is_a_defect(database: Database) -> None:
    with pytest.raises(asyncpg.DataError, match="invalid input"):
        await database.row("select $1::uuid", "nothing like it")


async def test_who_gets_no_connection_in_time_is_told(database_url: str) -> None:
    async with (
        Database(database_url, connections=1, acquire_seconds=0.5) as database,
        database.connection(),
    ):
        with pytest.raises(LedgerUnreachable, match="no connection in time"):
            await answers(database)


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await insert(database, "a", "b", then=fail)
    assert await database.rows("table product") == []


async def test_cancelled_callers_leave_a_whole_pool(database_url: str) -> None:
    """Cancelled at any moment: before a connection, in a statement, in a commit, in a release."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    async with Database(database_url, connections=3, acquire_seconds=1) as database:

        async def work(number: int) -> None:
            async with database.transaction() as connection:
                await connection.execute("select pg_sleep(0.002)")
                await connection.execute("insert into product values ($1, 'x', 1)", f"p{number}")

        for start in range(0, 120, 6):
            tasks = [asyncio.create_task(work(start + n)) for n in range(6)]
            for task in tasks:
                await asyncio.sleep(chance.random() * 0.004)
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        # Nothing waits, nothing is left open, and no connection is in somebody's transaction.
        assert all(await asyncio.gather(*(answers(database) for _ in range(12))))
        rows = await database.rows(
            "select state from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'"
        )
        assert rows == []


async def test_a_session_waits_for_the_disk_whatever_the_server_prefers(
    database: Database,
) -> None:
    row = await database.row("show synchronous_commit")
    assert row is not None
    assert row[0] == "on"
