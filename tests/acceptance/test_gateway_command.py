"""`doorbuster gateway --workers N`: several processes behind one port, each replaceable."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from running_up import alive, descendants, start
from waiting import until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="these tests look for processes in /proc"
)
SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
async def two_workers(
    redis_url: str, database_url: str, port: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await start(
        "gateway", "--workers", "2", "--port", str(port),
        environment={
            "DOORBUSTER_REDIS_URL": redis_url,
            "DOORBUSTER_DATABASE_URL": database_url,
            "DOORBUSTER_TOKEN_KEY": SECRET,
        },
    )  # fmt: skip
    yield process
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    await process.communicate()


async def until_ready(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        while process.returncode is None:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)


def workers(process: asyncio.subprocess.Process) -> dict[int, str]:
    return {
        pid: started
        for pid, started in descendants(process.pid).items()
        if "--fd" in arguments_of(pid)
    }


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return []


async def test_a_worker_that_dies_is_replaced_while_the_other_serves(
    two_workers: asyncio.subprocess.Process, port: int
) -> None:
    await until_ready(port, two_workers)
    await until(lambda: len(workers(two_workers)) == 2)
    first = workers(two_workers)
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    async with httpx.AsyncClient() as client:
        while not workers(two_workers).keys() - first.keys():
            answer = await client.get(f"http://127.0.0.1:{port}/livez")
            assert answer.status_code == 200
    await until(lambda: len(workers(two_workers)) == 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_no_worker_stays_behind(
    two_workers: asyncio.subprocess.Process, port: int, number: signal.Signals
) -> None:
    await until_ready(port, two_workers)
    await until(lambda: len(workers(two_workers)) == 2)
    found = workers(two_workers)
    two_workers.send_signal(number)
    assert await two_workers.wait() == (0 if number != signal.SIGKILL else -signal.SIGKILL)
    await until(lambda: not alive(found), seconds=1)


async def test_the_settings_that_matter_to_a_worker_stay_out_of_its_arguments(
    two_workers: asyncio.subprocess.Process, port: int
) -> None:
    """Everybody on the machine can read a process's arguments."""
    await until_ready(port, two_workers)
    for pid in workers(two_workers):
        assert not re.search("token|key|redis|postgres", " ".join(arguments_of(pid)))
