"""A long computation leaves time to the others."""

import asyncio
import time

import pytest

from reconciler import pace
from reconciler.pace import Pace

STEP_SECONDS = 0.01


@pytest.fixture(autouse=True)
def at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "AT_ONCE", 1)


def work() -> None:
    until = time.perf_counter() + STEP_SECONDS
    while time.perf_counter() < until:
        pass


async def test_it_keeps_to_its_share() -> None:
    began = time.perf_counter()
    seen = []
    async for thing in Pace(0.25).through("abcde"):
        work()
        seen.append(thing)
    assert seen == list("abcde")
    assert time.perf_counter() - began >= 5 * STEP_SECONDS / 0.25


async def test_others_have_a_turn_after_each_step_although_all_the_time_is_given() -> None:
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(another())
    async for _ in Pace().through(range(5)):
        work()
    other.cancel()
    assert turns >= 5
