"""What an examination asks a real Postgres."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest
from drafts import draft, open_sale

from sql.alarms import AlarmKind, acknowledge, list_alarms, raise_alarm
from sql.database import Database
from sql.inspection import (
    compare_migrations,
    count_reconcilers,
    read_alarms,
    read_outbox,
    read_tables,
    read_unled,
    read_waits,
)
from sql.leases import leave, renew
from sql.migrate import Migration, migrations
from sql.privileges import needed_privileges, privileges_in

OURS = Migration(number=7, name="ours", text="select 1")


def test_migrations_are_compared_by_number_and_checksum() -> None:
    same = compare_migrations({7: ("ours", OURS.checksum)}, [OURS])
    assert (same.missing, same.changed, same.newer) == ((), (), ())
    assert compare_migrations({}, [OURS]).missing == ("0007 ours",)
    edited = replace(OURS, text="select 2")
    assert compare_migrations({7: ("ours", OURS.checksum)}, [edited]).changed == ("0007 ours",)
    assert compare_migrations({8: ("theirs", "x")}, []).newer == ("0008 theirs",)


def test_privileges_are_read_from_the_statements() -> None:
    needed = set(needed_privileges())
    assert {("reservation", "select"), ("reservation", "insert")} <= needed
    assert ("reservation", "delete") not in needed
    assert ("reconciler", "delete") in needed
    text = "\n".join(each.text for each in migrations())
    assert all(f"create table {table} (" in text for table, _ in needed)


@pytest.mark.parametrize(
    ("statement", "privileges"),
    [
        ("select * from item join sale using (id)", {"select on item", "select on sale"}),
        ("select * from item for update", {"select on item", "update on item"}),
        ("update item set a = 1", {"select on item", "update on item"}),
        ("delete from item", {"select on item", "delete on item"}),
        ("insert into item values (1) returning id", {"select on item", "insert on item"}),
        (
            "insert into item values (1) on conflict (id) do update set a = 1",
            {"select on item", "insert on item", "update on item"},
        ),
    ],
)
def test_what_a_statement_needs(statement: str, privileges: set[str]) -> None:
    found = privileges_in(statement)
    assert {f"{name} on {table}" for table, name in found if table != "set"} == privileges


async def test_a_session_that_is_idle_in_a_transaction_is_found(
    database: Database, database_url: str
) -> None:
    forgetful = await asyncpg.connect(database_url)
    await forgetful.execute("begin")
    await forgetful.execute("select 1")
    (wait,) = await read_waits(database, seconds=0)
    assert (wait.pid, wait.kind) == (forgetful.get_server_pid(), "idle in a transaction")
    assert wait.seconds >= 0
    assert await read_waits(database, seconds=60) == []
    await forgetful.close()


async def test_a_session_that_waits_for_a_lock_is_found(
    database: Database, database_url: str
) -> None:
    holder, waiter = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    await holder.execute("begin; lock table item")
    waiting = asyncio.create_task(waiter.execute("select from item"))
    async with asyncio.timeout(10):
        while "waiting for a lock" not in (
            found := {each.kind: each.pid for each in await read_waits(database, seconds=0)}
        ):
            await asyncio.sleep(0.01)
    assert found["waiting for a lock"] == waiter.get_server_pid()
    await holder.execute("commit")
    await waiting
    assert await read_waits(database, seconds=0) == []
    await holder.close()
    await waiter.close()


async def test_dead_rows_are_counted(database: Database, sale_id: str) -> None:
    await open_sale(database, draft(sale_id))
    async with asyncio.timeout(10):
        while not (rows := {each.name: each for each in await read_tables(database)})["item"].dead:
            await database.execute("update item set mirror = 0")
            # Sessions hand their counts in when they are idle, or are told to.
            await database.execute("select pg_stat_force_next_flush()")
    assert set(rows) == {"checkpoint", "item", "outbox", "reservation"}


async def test_only_an_opened_sale_needs_a_leader(database: Database, sale_id: str) -> None:
    await open_sale(database, draft(sale_id))
    (unled,) = await read_unled(database)
    assert unled.sale_id == sale_id
    assert unled.seconds > 0
    reconciler = UUID(int=1)
    assert await renew(database, reconciler, seconds=60) == {sale_id}
    assert await read_unled(database) == []
    assert await count_reconcilers(database, seconds=60) == 1
    assert await count_reconcilers(database, seconds=0) == 0
    await leave(database, reconciler)
    assert await count_reconcilers(database, seconds=60) == 0


async def test_what_is_pending_is_counted_for_each_sale(database: Database, sale_id: str) -> None:
    await open_sale(database, draft(sale_id))
    (pending,) = await read_outbox(database)
    assert (pending.sale_id, pending.pending) == (sale_id, 1)
    await database.execute("update outbox set done = true")
    assert await read_outbox(database) == []


async def test_only_open_alarms_are_read_the_oldest_first(database: Database, sale_id: str) -> None:
    await open_sale(database, draft(sale_id))
    for what in ("a gap", "another"):
        await raise_alarm(database, sale_id, AlarmKind.CONTRADICTED, what)
    assert [each.what for each in await read_alarms(database)] == ["a gap", "another"]
    oldest = (await list_alarms(database))[-1]
    await acknowledge(database, oldest.id, actor="cli:ada")
    assert [each.what for each in await read_alarms(database)] == ["another"]
