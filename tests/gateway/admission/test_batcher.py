"""Checkouts that wait for a Redis which hangs."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from doorbuster.child import launch
from doorbuster.embedded.valkey import EmbeddedValkey
from gateway.admission.batcher import Batcher, Overloaded, Verdict
from gateway.counts import AdmissionCounts
from lua.admission import MAX_CHECKOUTS, Checkout
from lua.server import Server
from lua.store import SaleStore

DEADLINE_SECONDS = 0.5
# Two calls of 128 at a time: were they made for all, it would take twenty times the deadline.
CROWD = 40 * MAX_CHECKOUTS


@pytest_asyncio.fixture
async def hanging_url(short_folder: Path) -> AsyncIterator[str]:
    """A Redis that takes connections, and nothing else."""
    server = EmbeddedValkey(directory=short_folder / "valkey")
    process = await launch(server)
    os.kill(process.pid, signal.SIGSTOP)
    yield server.url
    process.kill()
    await process.wait()


def checkout(number: int) -> Checkout:
    return Checkout(
        reservation=f"{number:032x}",
        customer=f"{number:022}",
        fingerprint="0" * 22,
        lines="LAMP-1:1:1999",
        context="{}",
    )


async def test_nobody_waits_for_long_however_many_came_before(
    hanging_url: str, sale_id: str
) -> None:
    async with (
        Server(hanging_url, timeout_seconds=DEADLINE_SECONDS) as server,
        asyncio.TaskGroup() as tasks,
    ):
        store, counts = SaleStore(server, sale_id), AdmissionCounts()
        batcher = Batcher(store, tasks, counts, deadline_seconds=DEADLINE_SECONDS)
        began = time.monotonic()
        verdicts: list[Verdict] = await asyncio.gather(
            *(batcher.decide(checkout(number), 1) for number in range(CROWD))
        )
        assert time.monotonic() - began < 12 * DEADLINE_SECONDS
        assert (counts.waiting, counts.in_flight) == (0, 0)
        assert sum(isinstance(verdict, Overloaded) for verdict in verdicts) > CROWD / 2
