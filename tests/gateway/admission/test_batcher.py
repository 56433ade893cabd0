"""Checkouts that wait for a call: for Redis, for others, or in vain."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from doorbuster.child import launch, running
from doorbuster.embedded.valkey import EmbeddedValkey
from gateway.admission.batcher import (
    GATHERING_ROUNDS,
    WORTH_A_CALL,
    Batcher,
    NotVerified,
    Overloaded,
    Verdict,
)
from gateway.counts import AdmissionCounts
from lua.admission import MAX_CHECKOUTS, Checkout
from lua.server import Server
from lua.store import SaleStore

DEADLINE_SECONDS = 0.5
# Two calls of 128 at a time: were they made for all, it would take twenty times the deadline.
CROWD = 40 * MAX_CHECKOUTS
# Whoever is let in must be decided in this time, on a busy machine as well.
LONG_SECONDS = 4.0
CALLS_TO_LEARN = 12


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


@pytest_asyncio.fixture
async def own_server(short_folder: Path) -> AsyncIterator[Server]:
    """A Redis that the test may keep busy."""
    async with (
        running(EmbeddedValkey(directory=short_folder / "valkey")) as valkey,
        Server(valkey.url, timeout_seconds=LONG_SECONDS) as server,
    ):
        yield server


async def test_the_newest_are_turned_away_at_once_and_all_others_are_decided(
    own_server: Server, sale_id: str
) -> None:
    """A Redis with other work to do takes a while for each call; the line may not outgrow that."""
    async with asyncio.TaskGroup() as tasks:
        store, counts = SaleStore(own_server, sale_id), AdmissionCounts()
        batcher = Batcher(store, tasks, counts, deadline_seconds=LONG_SECONDS)
        busy = tasks.create_task(keep_busy(own_server))
        for number in range(CALLS_TO_LEARN):
            await batcher.decide(checkout(number), 1)
        verdicts: list[Verdict] = []
        for number in range(CROWD):
            batcher.add(checkout(number), 1, verdicts.append)
        turned_away = len(verdicts)
        while len(verdicts) < CROWD:
            await asyncio.sleep(0.01)
        busy.cancel()
    assert 0 < turned_away < CROWD
    assert all(isinstance(verdict, Overloaded) for verdict in verdicts[:turned_away])
    # There is no such sale: that is what those are told for whom Redis was asked.
    assert all(isinstance(verdict, NotVerified) for verdict in verdicts[turned_away:])


async def keep_busy(server: Server) -> None:
    """Have Redis do nothing else most of the time."""
    while True:
        await server.command("EVAL", "for i = 1, 4e7 do end", 0)


@pytest.mark.parametrize(
    ("in_line", "first_call"),
    [(0, 1), (5, 6), (2 * GATHERING_ROUNDS, GATHERING_ROUNDS)],
)
async def test_a_call_waits_for_those_in_line_but_not_for_all_of_them(
    own_server: Server, sale_id: str, in_line: int, first_call: int
) -> None:
    """One of them joins in each round of the event loop."""
    sizes, left, verdicts = SizesOfCalls(), in_line, list[Verdict]()
    async with asyncio.TaskGroup() as tasks:
        batcher = Batcher(
            SaleStore(own_server, sale_id),
            tasks,
            sizes,
            nobody_comes=lambda: left == 0,
            deadline_seconds=LONG_SECONDS,
        )
        batcher.add(checkout(0), 1, verdicts.append)
        while left:
            await asyncio.sleep(0)
            batcher.add(checkout(left), 1, verdicts.append)
            left -= 1
        while len(verdicts) < 1 + in_line:
            await asyncio.sleep(0.01)
    # Two are in flight, and either may be answered first.
    assert any(abs(size - first_call) <= 1 for size in sizes.seen)
    assert sum(sizes.seen) == 1 + in_line


async def test_enough_for_a_call_are_not_kept_waiting(own_server: Server, sale_id: str) -> None:
    sizes, verdicts = SizesOfCalls(), list[Verdict]()
    async with asyncio.TaskGroup() as tasks:
        batcher = Batcher(
            SaleStore(own_server, sale_id),
            tasks,
            sizes,
            nobody_comes=lambda: False,
            deadline_seconds=LONG_SECONDS,
        )
        for number in range(WORTH_A_CALL):
            batcher.add(checkout(number), 1, verdicts.append)
        await asyncio.sleep(0)
        assert not batcher._waiting
        while len(verdicts) < WORTH_A_CALL:
            await asyncio.sleep(0.01)
    assert sizes.seen == [WORTH_A_CALL]


class SizesOfCalls(AdmissionCounts):
    """Notes how many checkouts each call had."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def called(self, checkouts: int, *, began: float) -> None:
        super().called(checkouts, began=began)
        self.seen.append(checkouts)
