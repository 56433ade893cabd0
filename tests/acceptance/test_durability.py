"""What each durability level says, and when: on servers that can keep it, and that cannot."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest
from buyer import Answer, calling
from shop import Shop, running_shop, settings_for

from doorbuster.child import launch, running
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Process
from lua.replies import text
from lua.server import Server

SALE = "friday"
LAMPS = {"sku": "LAMP-1", "price": 1999, "units": 100}
STOP_SECONDS = 5

pytestmark = pytest.mark.proof


@asynccontextmanager
async def selling(
    redis_url: str, database_url: str, folder: Path, *, level: str, wanted: str | None = None
) -> AsyncIterator[Shop]:
    """A shop at this level, with a sale that may want a higher one."""
    settings = settings_for(redis_url, database_url, folder) | {"DOORBUSTER_DURABILITY": level}
    async with running_shop(settings) as shop:
        sale = {"id": SALE, "items": [LAMPS]} | ({"durability": wanted} if wanted else {})
        await shop.open_sale(folder, sale)
        yield shop


async def checkout(shop: Shop, key: str) -> Answer:
    async with calling(shop.addresses[0]) as line:
        return await line.checkout(SALE, shop.token("ada"), {"LAMP-1": 1}, key)


@contextmanager
def frozen(process: Process) -> Iterator[None]:
    """The process stands still for the length of a block."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


async def test_a_level_that_redis_cannot_keep_is_refused(
    short_folder: Path, database_url: str, tmp_path: Path
) -> None:
    every_second = EmbeddedValkey(
        directory=short_folder / "valkey", options={"appendfsync": "everysec"}
    )
    async with (
        running(every_second) as server,
        selling(server.url, database_url, tmp_path, level="fsync") as shop,
    ):
        answer = await checkout(shop, "a")
        assert (answer.status, answer.body["code"]) == (503, "durability-unproven")
        assert "retry-after" in answer.headers
        assert '"available": 100' in await shop.command("sale", "show", SALE, "--json")


async def test_an_answer_names_the_level_that_it_was_given_at(
    short_folder: Path, database_url: str, tmp_path: Path
) -> None:
    every_second = EmbeddedValkey(
        directory=short_folder / "valkey", options={"appendfsync": "everysec"}
    )
    async with (
        running(every_second) as server,
        selling(server.url, database_url, tmp_path, level="memory") as shop,
    ):
        answer = await checkout(shop, "a")
        assert (answer.status, answer.body["durability"]) == (201, "memory")


async def test_a_sale_may_raise_the_level_of_its_gateway(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    async with selling(redis_url, database_url, tmp_path, level="memory", wanted="ledger") as shop:
        answer = await checkout(shop, "a")
        assert (answer.status, answer.body["durability"]) == (201, "ledger")


async def test_at_ledger_the_row_is_there_before_the_answer(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    async with selling(redis_url, database_url, tmp_path, level="ledger") as shop:
        connection = await asyncpg.connect(database_url)
        try:
            for key in "abcde":
                answer = await checkout(shop, key)
                assert answer.status == 201
                assert await connection.fetchval(
                    "select state from reservation where id = $1", answer.body["id"]
                )
        finally:
            await connection.close()


async def test_at_ledger_nothing_is_acknowledged_while_nobody_commits(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    async with selling(redis_url, database_url, tmp_path, level="ledger") as shop:
        with frozen(shop.processes["reconciler-1"]):
            first = await checkout(shop, "a")
            assert first.status == 202
            replay = await checkout(shop, "a")
            assert (replay.status, replay.body["id"]) == (202, first.body["id"])
        settled = await checkout(shop, "a")
        assert (settled.status, settled.body["id"]) == (200, first.body["id"])


@asynccontextmanager
async def replicating(folder: Path) -> AsyncIterator[tuple[str, Process]]:
    """A primary that demands a replica, and its replica."""
    port = _free_port()
    primary = EmbeddedValkey(
        directory=folder / "primary",
        options={"port": str(port), "min-replicas-to-write": "1", "min-replicas-max-lag": "2"},
    )
    follower = EmbeddedValkey(
        directory=folder / "replica", options={"replicaof": f"127.0.0.1 {port}"}
    )
    async with running(primary):
        replica = await launch(follower)
        try:
            await _linked(primary.url)
            yield primary.url, replica
        finally:
            await replica.stop(seconds=STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _linked(url: str) -> None:
    async with Server(url) as server, asyncio.timeout(10):
        while "min_slaves_good_slaves:1" not in text(await server.command("INFO", "replication")):
            await asyncio.sleep(0.05)


async def test_at_replicated_a_replica_has_it_before_the_answer(
    short_folder: Path, database_url: str, tmp_path: Path
) -> None:
    async with (
        replicating(short_folder) as (url, replica),
        selling(url, database_url, tmp_path, level="replicated") as shop,
    ):
        answer = await checkout(shop, "a")
        assert (answer.status, answer.body["durability"]) == (201, "replicated")
        with frozen(replica):
            waiting = await checkout(shop, "b")
            assert waiting.status == 202
            replay = await checkout(shop, "a")
            assert replay.status in {202, 503}
        caught_up = await _until_acknowledged(shop, "b")
        assert (caught_up.status, caught_up.body["id"]) == (200, waiting.body["id"])


async def _until_acknowledged(shop: Shop, key: str) -> Answer:
    async with asyncio.timeout(15):
        while (answer := await checkout(shop, key)).status in {202, 503}:
            await asyncio.sleep(0.1)
    return answer


async def test_without_a_replica_nothing_is_admitted_at_replicated(
    short_folder: Path, database_url: str, tmp_path: Path
) -> None:
    async with (
        replicating(short_folder) as (url, replica),
        selling(url, database_url, tmp_path, level="replicated") as shop,
    ):
        await replica.stop(seconds=STOP_SECONDS)
        async with asyncio.timeout(10):
            while (answer := await checkout(shop, "a")).status != 503:
                assert answer.status == 202
                await asyncio.sleep(0.1)
        assert answer.body["code"] == "stock-unverified"
