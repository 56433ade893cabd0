"""A cancelled call ends, at whatever step: a keeper whose cancel is lost would never stop."""

import asyncio

import pytest

from lua.server import Server
from sql.database import Database

STEPS = 12


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_call_to_redis_ends_when_it_is_cancelled(server: Server, step: int) -> None:
    """asyncio.wait_for in Python 3.11 loses a cancel that comes as its work is done."""
    await server.command("PING")
    await check_that_it_ends(asyncio.create_task(server.command("PING")), step)
    assert await server.command("PING") == b"PONG"


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_call_to_postgres_ends_when_it_is_cancelled(database: Database, step: int) -> None:
    await database.row("select 1")
    await check_that_it_ends(asyncio.create_task(database.row("select 1")), step)
    row = await database.row("select 2")
    assert row is not None
    assert row[0] == 2


async def check_that_it_ends(call: "asyncio.Task[object]", step: int) -> None:
    for _ in range(step):
        await asyncio.sleep(0)
    in_time = call.cancel()
    await asyncio.wait([call])
    assert call.cancelled() == in_time
