"""Whether to send requests here, against real servers that stop answering."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from doorbuster.child import running
from doorbuster.embedded.valkey import EmbeddedValkey
from gateway import probes
from gateway.probes import Probes
from lua.server import Server
from sql.database import Database

NO_REDIS = "redis://127.0.0.1:1"
NO_DATABASE = "postgresql://127.0.0.1:1/nowhere"


class Gateway:
    """The probes over two servers."""

    def __init__(self, redis: Server, database: Database) -> None:
        self.draining = asyncio.Event()
        app = Starlette(routes=Probes(redis, database, self.draining).routes())
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    async def probe(self, path: str = "/readyz") -> tuple[int, dict[str, str]]:
        response = await self.client.get(path)
        assert response.headers["cache-control"] == "no-store"
        return response.status_code, response.json()


@asynccontextmanager
async def probing(redis_url: str, database_url: str) -> AsyncIterator[Gateway]:
    async with Server(redis_url) as redis, Database(database_url) as database:
        gateway = Gateway(redis, database)
        async with gateway.client:
            yield gateway


@pytest.fixture
async def own_valkey(short_folder: Path) -> AsyncIterator[Server]:
    """A server that this test may stop."""
    async with (
        running(EmbeddedValkey(directory=short_folder / "valkey")) as valkey,
        Server(valkey.url) as server,
    ):
        yield server


async def info(server: Server, section: str, pattern: str) -> int:
    text = await server.command("INFO", section)
    assert isinstance(text, bytes)
    found = re.search(pattern, text.decode())
    return int(found[1]) if found else 0


async def test_a_gateway_is_ready_when_both_servers_answer(
    redis_url: str, database_url: str
) -> None:
    async with probing(redis_url, database_url) as gateway:
        expected = {"status": "ready", "redis": "answers", "ledger": "answers"}
        assert await gateway.probe() == (200, expected)


async def test_without_the_ledger_a_gateway_is_ready_and_says_so(redis_url: str) -> None:
    async with probing(redis_url, NO_DATABASE) as gateway:
        expected = {"status": "ready", "redis": "answers", "ledger": "silent"}
        assert await gateway.probe() == (200, expected)


async def test_without_redis_a_gateway_is_not_ready(database_url: str) -> None:
    async with probing(NO_REDIS, database_url) as gateway:
        expected = {"status": "unready", "redis": "silent", "ledger": "answers"}
        assert await gateway.probe() == (503, expected)


async def test_a_gateway_is_alive_without_anything() -> None:
    async with probing(NO_REDIS, NO_DATABASE) as gateway:
        assert await gateway.probe("/livez") == (200, {"status": "alive"})


async def test_a_redis_that_hangs_is_noticed_in_time_and_so_is_its_return(
    own_valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "FRESH_SECONDS", 0.0)
    pid = await info(own_valkey, "server", r"process_id:(\d+)")
    async with probing(own_valkey.url, NO_DATABASE) as gateway:
        assert (await gateway.probe())[0] == 200
        os.kill(pid, signal.SIGSTOP)
        try:
            asked_at = time.monotonic()
            status, told = await gateway.probe()
            assert (status, told["redis"]) == (503, "silent")
            assert time.monotonic() - asked_at < 1.5
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (await gateway.probe())[0] == 200


async def test_a_gateway_that_drains_is_not_ready_at_once(redis_url: str) -> None:
    async with probing(redis_url, NO_DATABASE) as gateway:
        assert (await gateway.probe())[0] == 200
        gateway.draining.set()
        status, told = await gateway.probe()
        assert (status, told["status"], told["redis"]) == (503, "draining", "answers")
        assert (await gateway.probe("/livez"))[0] == 200


async def test_a_flood_of_probes_is_one_question(own_valkey: Server) -> None:
    pings = r"cmdstat_ping:calls=(\d+)"
    before = await info(own_valkey, "commandstats", pings)
    async with probing(own_valkey.url, NO_DATABASE) as gateway:
        answers = await asyncio.gather(*(gateway.probe() for _ in range(50)))
    assert {status for status, _ in answers} == {200}
    assert await info(own_valkey, "commandstats", pings) == before + 1
