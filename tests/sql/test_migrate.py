"""The schema comes from numbered files: each applied once, none changed afterwards."""

import asyncio
import sys

import asyncpg
import pytest

from sql import migrate as migrations_of
from sql.faults import LedgerUnreachable
from sql.migrate import Migration, MigrationDrift, migrate, migrations


async def applied(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("select number from schema_migration order by number")
    await connection.close()
    return [row["number"] for row in rows]


async def test_a_fresh_database_gets_every_migration_and_then_no_more(
    empty_url: str,
) -> None:
    assert await migrate(empty_url) == migrations()
    assert await migrate(empty_url) == []
    assert await applied(empty_url) == [each.number for each in migrations()]


def test_the_files_are_numbered_from_one_without_a_gap() -> None:
    assert [each.number for each in migrations()] == list(range(1, len(migrations()) + 1))


async def test_processes_that_start_together_wait_for_each_other(empty_url: str) -> None:
    command = f"import asyncio, sql.migrate as m; print(len(asyncio.run(m.migrate({empty_url!r}))))"
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", command, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [(await process.communicate())[0].decode().strip() for process in processes]
    assert sorted(said) == ["0", str(len(migrations()))]


async def test_a_migration_that_was_changed_after_it_was_applied_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = [Migration(number=1, name="ledger", text="create table other (id integer)")]
    monkeypatch.setattr(migrations_of, "migrations", lambda: changed)
    with pytest.raises(MigrationDrift, match="migration 1 "):
        await migrate(database_url)


async def test_a_migration_that_fails_leaves_nothing_and_can_be_repeated(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Migration(number=2, name="broken", text="create table half (id int); select 1 / 0")
    whole = Migration(number=2, name="broken", text="create table half (id int)")
    monkeypatch.setattr(migrations_of, "migrations", lambda: [broken])
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_url)
    assert await applied(empty_url) == []
    monkeypatch.setattr(migrations_of, "migrations", lambda: [whole])
    assert await migrate(empty_url) == [whole]


async def test_without_a_server_it_says_so() -> None:
    with pytest.raises(LedgerUnreachable):
        await migrate("postgresql://nobody@127.0.0.1:1/nothing")
