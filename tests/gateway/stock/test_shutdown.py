"""A process that streams, from its start to its end."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from event_reader import never_reading, reading
from watched_sale import LAMP, WatchedSale

from gateway.listener import listen
from lua.server import Server

PROGRAM = Path(__file__).with_name("gateway_that_streams.py")
ROOT = Path(__file__).parents[3]
# `up` stops everything within five seconds; a gateway is only a part of that.
STOP_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running process, and where it listens."""

    process: Process
    address: tuple[str, int]

    async def stop(self, number: signal.Signals) -> str:
        """Ask it to end; returns what it complained of on its way, which ends with status 0."""
        self.process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            _, complaints = await self.process.communicate()
        assert self.process.returncode == 0
        return complaints.decode()


@pytest_asyncio.fixture
async def gateway(redis_url: str) -> AsyncIterator[Gateway]:
    """The program in a process of its own, on the event loop of production."""
    with listen("127.0.0.1", 0) as listening:
        address = listening.getsockname()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            PROGRAM,
            redis_url,
            str(listening.fileno()),
            pass_fds=[listening.fileno()],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stderr=asyncio.subprocess.PIPE,
        )
    yield Gateway(process=process, address=address)
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest_asyncio.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the process."""
    base_url = f"http://127.0.0.1:{gateway.address[1]}"
    async with httpx.AsyncClient(base_url=base_url, timeout=10) as client:
        yield client


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_every_client_is_told_that_the_process_stops(
    gateway: Gateway, client: httpx.AsyncClient, sale: WatchedSale, number: signal.Signals
) -> None:
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(reading(client, sale.sale_id)) for _ in range(20)
        ]
        for reader in readers:
            await reader.next("snapshot")
        assert await gateway.stop(number) == ""
        for reader in readers:
            assert [event.kind for event in await reader.rest()] == ["bye"]
            assert 500 <= (reader.retry_ms or 0) <= 5000
        assert len({reader.retry_ms for reader in readers}) > 1


async def test_a_client_that_never_reads_does_not_hold_the_process_up(
    gateway: Gateway, client: httpx.AsyncClient, server: Server, sale_id: str
) -> None:
    sale = WatchedSale(server, sale_id)
    await sale.open({f"SKU-{number:03d}": 1000 for number in range(200)})
    async with reading(client, sale_id) as reader:
        await reader.next("snapshot")
        with never_reading(gateway.address, sale_id):
            for _ in range(100):
                await reader.until_version(await sale.buy("SKU-000"))
            assert await gateway.stop(signal.SIGTERM) == ""


async def test_it_watches_what_the_sale_does(client: httpx.AsyncClient, sale: WatchedSale) -> None:
    async with reading(client, sale.sale_id) as reader:
        await reader.next("snapshot")
        await sale.buy(LAMP, 10)
        assert (await reader.next("stock")).available[LAMP] == 0
