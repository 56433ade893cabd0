"""A disk is full: nothing that was told is lost, and once there is room everything goes on."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from buyer import Answer
from kept_shop import KeptShop, is_problem, keeping_shop, until_true
from own_servers import OwnServer
from shop import settings_for

from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from lua.store import SaleStore
from sql.migrate import migrate

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk"
    ),
]

FULL_SECONDS = 60.0
AGAIN_SECONDS = 30.0
UNITS = 100_000
IDS = "select id from reservation where sale_id = $1"


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator["Disk"]:
    """A disk of its own for a folder; it is in memory, and a write to a full one fails as ever."""
    folder.mkdir(mode=0o711, parents=True)
    subprocess.run(
        [
            "/usr/bin/mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={megabytes}m,mode=0711",
            "doorbuster",
            folder,
        ],
        check=True,
    )
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["/usr/bin/umount", "--lazy", folder], check=True)


class Disk:
    """Filled by a file that takes all that is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._balloon = folder / "balloon"

    def fill(self) -> None:
        left = os.statvfs(self._folder)
        with self._balloon.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, left.f_bavail * left.f_frsize)

    def free(self) -> None:
        self._balloon.unlink()


@asynccontextmanager
async def running(server: OwnServer) -> AsyncIterator[OwnServer]:
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
async def test_a_full_disk_of_redis_closes_the_sale_and_loses_nothing(
    short_folder: Path, database_url: str, appendfsync: str
) -> None:
    """With `always` the server ends by itself, as whoever cannot keep its word has to."""
    folder = short_folder / "redis"
    with small_disk(folder, 16) as disk:
        valkey = EmbeddedValkey(
            directory=folder / "valkey",
            options={"appendfsync": appendfsync, "auto-aof-rewrite-percentage": "0"},
        )
        async with running(OwnServer(child=valkey)) as redis:
            settings = settings_for(valkey.url, database_url, short_folder)
            settings["DOORBUSTER_DURABILITY"] = "memory"
            async with keeping_shop(settings, short_folder) as shop:
                sale_id = await shop.sell(UNITS)
                told = [await shop.buy(sale_id, "before")]
                disk.fill()
                await until_true(lambda: _is_refused(shop, sale_id, told), seconds=FULL_SECONDS)
                disk.free()
                await redis.start_if_it_ended()
                await until_true(lambda: _is_sold(shop, sale_id, told), seconds=AGAIN_SECONDS)
                await _nothing_is_lost(shop, sale_id, told)
            assert not shop.faults()


async def test_a_full_disk_of_postgres_only_puts_the_ledger_off(short_folder: Path) -> None:
    folder = short_folder / "postgres"
    with small_disk(folder, 160) as disk:
        postgres_child = EmbeddedPostgres(directory=folder / "postgres")
        valkey = OwnServer(child=EmbeddedValkey(directory=short_folder / "valkey"))
        async with running(OwnServer(child=postgres_child)) as postgres, running(valkey):
            await migrate(postgres_child.url)
            settings = settings_for(valkey.child.url, postgres_child.url, short_folder)
            async with keeping_shop(settings, short_folder) as shop:
                sale_id = await shop.sell(UNITS)
                told = [await shop.buy(sale_id, "before")]
                await until_true(lambda: _is_read(shop, sale_id))
                disk.fill()
                await until_true(lambda: _is_put_off(shop, sale_id, told), seconds=FULL_SECONDS)
                disk.free()
                await postgres.start_if_it_ended()
                await _nothing_is_lost(shop, sale_id, told)
            assert not shop.faults()


async def _is_refused(shop: KeptShop, sale_id: str, told: list[Answer]) -> bool:
    answer = await shop.buy(sale_id, f"customer-{len(told)}")
    told.append(answer)
    return answer.status == 503 and is_problem(answer, 503, "stock-unverified")


async def _is_sold(shop: KeptShop, sale_id: str, told: list[Answer]) -> bool:
    answer = await shop.buy(sale_id, "after", key="a-click")
    told.append(answer)
    assert answer.status in {200, 201, 202, 503}, answer
    return answer.status in {200, 201}


async def _is_put_off(shop: KeptShop, sale_id: str, told: list[Answer]) -> bool:
    """Whether the ledger stands still, though everybody is admitted."""
    _, before = await _versions(shop, sale_id)
    for _ in range(50):
        told.append(await shop.buy(sale_id, f"customer-{len(told)}"))
        assert told[-1].status == 201, told[-1]
    _, after = await _versions(shop, sale_id)
    return after == before


async def _is_read(shop: KeptShop, sale_id: str) -> bool:
    version, committed = await _versions(shop, sale_id)
    return version == committed


async def _versions(shop: KeptShop, sale_id: str) -> tuple[int, int]:
    """What Redis has, and what it knows to be in the ledger."""
    record = await SaleStore(shop.servers.redis, sale_id).read()
    assert record is not None
    return record.version, record.committed


async def _nothing_is_lost(shop: KeptShop, sale_id: str, told: list[Answer]) -> None:
    await until_true(lambda: _is_read(shop, sale_id), seconds=AGAIN_SECONDS)
    rows = await shop.servers.database.rows(IDS, sale_id)
    kept = {str(row["id"]) for row in rows}
    assert {answer.body["id"] for answer in told if answer.status in {200, 201}} <= kept
    await shop.audited(sale_id)
