"""The reconciler dies at every point, in every phase, and nothing is lost, doubled or oversold.

By default six points of the recovery from a loss are tried, chosen by the seed that is printed;
with CRASH_POINTS=all every one of them is (`make crash`).
"""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from drafts import LAMP
from private_redis import PrivateRedis
from shop import settings_for
from till import Till, eventually

from doorbuster.child import running
from doorbuster.python_child import PythonChild, inherited
from lua.faults import RedisFault
from lua.server import Server
from sql import sales
from sql.database import Database
from sql.settlement import release

pytestmark = pytest.mark.proof

ARMED = Path(__file__).parents[1] / "armed.py"
DIED = 77
REACHED_SECONDS = 60.0

# What a reconciler does, by phase; the number says which time it dies there.
STEADY = [
    ("redis:follow", 3),
    ("redis:return", 1),
    ("redis:return", 2),
    ("redis:grant", 1),
    ("redis:change_state", 1),
    ("ledger:commit", 1),
    ("ledger:commit", 4),
    ("ledger:expire", 3),
    ("ledger:read_pending", 5),
    ("ledger:renew", 2),
]
OPENING = [
    ("ledger:begin_epoch", 1),
    ("redis:fence", 1),
    ("redis:UNLINK", 1),
    ("ledger:snapshot", 1),
    ("redis:open", 1),
]
AFTER_A_RESTART = [
    ("redis:fence", 1),
    ("redis:BGREWRITEAOF", 1),
    ("redis:XRANGE", 1),
    ("ledger:commit", 1),
    ("ledger:open_epoch", 1),
    ("redis:adopt", 1),
    ("ledger:note_witnesses", 1),
]
AFTER_A_LOSS = [
    ("redis:fence", 1),
    ("redis:UNLINK", 1),
    ("redis:HSET", 1),
    ("redis:HSET", 2),
    ("ledger:snapshot", 1),
    ("redis:open", 1),
    ("ledger:note_witnesses", 1),
]
PHASES = {
    "steady": STEADY,
    "opening": OPENING,
    "restart": AFTER_A_RESTART,
    "loss": AFTER_A_LOSS,
}
EVERY_POINT = [
    (phase, f"{door}:{when}", count)
    for phase, doors in PHASES.items()
    for door, count in doors
    for when in ("before", "after")
]
# One seed for all processes of a run: they have to collect the same tests.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", "0")
SEED = int(os.environ.get("CRASH_SEED", RUN[:8]), 16)


def _chosen() -> list[tuple[str, str, int]]:
    if os.environ.get("CRASH_POINTS") == "all":
        return EVERY_POINT
    short = [point for point in EVERY_POINT if point[0] == "loss"]
    return sorted(random.Random(SEED).sample(short, 6))


@pytest_asyncio.fixture
async def crash_till(database_url: str, short_folder: Path, sale_id: str) -> AsyncIterator[Till]:
    """A sale to be, on a Redis of its own."""
    redis = PrivateRedis(short_folder / "redis")
    await redis.start()
    async with Database(database_url) as database, Server(redis.url) as server:
        yield CrashTill(database, server, sale_id, redis, database_url)
    await redis.stop()


class CrashTill(Till):
    """A till that knows how to hurt its own Redis, and where its stores are."""

    def __init__(
        self,
        database: Database,
        server: Server,
        sale_id: str,
        redis: PrivateRedis,
        database_url: str,
    ) -> None:
        super().__init__(database, server, sale_id)
        self.redis = redis
        self.settings = settings_for(redis.url, database_url, Path("/nowhere"))

    def reconciler(self) -> PythonChild:
        """One that lives."""
        return PythonChild(name="reconciler", arguments=["reconciler"], settings=self.settings)

    @asynccontextmanager
    async def armed(self, point: str, count: int) -> AsyncIterator[asyncio.subprocess.Process]:
        """One that dies at the point."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ARMED), point, str(count), "reconciler",
            env=inherited() | self.settings,
        )  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@pytest.mark.parametrize(("phase", "point", "count"), _chosen())
async def test_nothing_is_lost_where_the_reconciler_dies(
    crash_till: CrashTill, phase: str, point: str, count: int
) -> None:
    till = crash_till
    print(f"seed {SEED:x}")
    expiring = "expire" in point
    await till.open(hold_seconds=1 if expiring else 600)
    if phase != "opening":
        await _live_a_while(till)
    if phase == "restart":
        # What the ledger has not read yet has to be found in the stream again.
        await till.buy(3)
        await till.redis.restart()
    if phase == "loss":
        await till.server.command("FLUSHALL")
    await _die(till, point, count)
    async with running(till.reconciler()):
        await till.until_open()
        await _resume(till)
        await till.buy(2)
        if expiring:
            await eventually(partial(_nothing_is_held, till))
        await till.check_books()


async def _resume(till: CrashTill) -> None:
    """The trade may have ended just after it had paused the sale."""
    with suppress(sales.NotAllowed):
        await sales.change_state(till.database, till.sale_id, "resume")
    await till.until_settled()


async def _die(till: CrashTill, point: str, count: int) -> None:
    async with till.armed(point, count) as process:
        trading = asyncio.create_task(_trade(till))
        try:
            async with asyncio.timeout(REACHED_SECONDS):
                assert await process.wait() == DIED
        finally:
            trading.cancel()
            await asyncio.gather(trading, return_exceptions=True)


async def _nothing_is_held(till: CrashTill) -> bool:
    return await till.count("reservation", "state = 'held'") == 0


async def _live_a_while(till: CrashTill) -> None:
    """The sale is open and has sold, and the ledger knows all of it."""
    async with running(till.reconciler()):
        await till.until_open()
        await till.buy(5)
        await till.until_settled()


async def _trade(till: CrashTill) -> None:
    """Everything that makes a reconciler do something, again and again."""
    for number in range(1000):
        # A paused sale admits nobody, which the till does not expect.
        with suppress(RedisFault, AssertionError):
            bought = await till.buy(3)
            await release(till.database, bought[0])
            await sales.grant(
                till.database, till.sale_id, sku=LAMP, units=1, request=uuid4().hex, context={}
            )
            for act in ("pause", "resume") if number % 5 == 1 else ():
                await sales.change_state(till.database, till.sale_id, act)
        await asyncio.sleep(0.02)
