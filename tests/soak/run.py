"""One soak: servers, a shop, buyers at a part of what it can do, and many who watch."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from acceptance.kept_shop import KeptShop, keeping_shop, until_true
from acceptance.own_servers import OwnServer
from shop import settings_for
from soak.gauges import GAUGES, Instruments, Sample, is_level
from soak.load import Crowd, click, watch

from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from sql.migrate import migrate

PART_OF_CAPACITY = 0.6
UNITS = 10_000_000
REST_SECONDS = 120.0
HELD = "select count(*) from reservation where sale_id = $1 and state = 'held'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how many who watch, and how long capacity is measured before that."""

    seconds: float
    streams: int
    measure_seconds: float
    hold_seconds: int = 20
    samples: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was seen. `faults` are lines of processes that tell of a fault of ours."""

    plan: Plan
    capacity: float
    told: Counter[int]
    clicked: Counter[int]
    samples: list[Sample]
    streams_ended: int
    faults: list[str]

    @property
    def grown(self) -> list[str]:
        """What did not stay level."""
        return [gauge.name for gauge in GAUGES if not is_level(gauge, self.samples)]


async def run(plan: Plan) -> Outcome:
    """Run it. Whatever does not balance afterwards raises an AssertionError."""
    with TemporaryDirectory(prefix="dbs-", dir="/tmp") as name:
        folder = _open(Path(name))
        async with _shop(folder) as (shop, servers):
            return await _run(plan, shop, servers)


def _open(folder: Path) -> Path:
    """Postgres, as another user, walks through."""
    folder.chmod(0o711)
    return folder


@asynccontextmanager
async def _shop(folder: Path) -> AsyncIterator[tuple[KeptShop, Mapping[str, int]]]:
    valkey = OwnServer(child=EmbeddedValkey(directory=folder / "valkey"))
    postgres = OwnServer(child=EmbeddedPostgres(directory=folder / "postgres"))
    try:
        await asyncio.gather(valkey.start(), postgres.start())
        await migrate(postgres.child.url)
        settings = settings_for(valkey.child.url, postgres.child.url, folder)
        async with keeping_shop(settings, folder) as shop:
            yield shop, {"valkey": valkey.pid, "postgres": postgres.pid}
    finally:
        await asyncio.gather(valkey.stop(), postgres.stop())


async def _run(plan: Plan, shop: KeptShop, servers: Mapping[str, int]) -> Outcome:
    sale_id = await shop.sell(UNITS, hold_seconds=plan.hold_seconds)
    crowd = Crowd(shop=shop, sale_id=sale_id, settle_key=await shop.key("settle"))
    await crowd.connect()
    received, clicked = Counter[str](), Counter[int]()
    watching = [asyncio.create_task(watch(shop, sale_id, received)) for _ in range(plan.streams)]
    capacity = await crowd.capacity(plan.measure_seconds)
    watching.append(asyncio.create_task(click(shop, sale_id, clicked)))
    buying = asyncio.create_task(
        crowd.come(PART_OF_CAPACITY * capacity, time.monotonic() + plan.seconds)
    )
    instruments = Instruments(shop=shop, sale_id=sale_id, servers=servers)
    samples = [await instruments.read() async for _ in _ticks(plan)]
    await buying
    for each in watching:
        each.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    crowd.leave()
    await until_true(lambda: _rests(shop, sale_id), seconds=REST_SECONDS)
    await shop.audited(sale_id)
    return Outcome(
        plan=plan,
        capacity=capacity,
        told=crowd.told,
        clicked=clicked,
        samples=samples,
        streams_ended=received["ended"],
        faults=shop.faults(),
    )


async def _ticks(plan: Plan) -> AsyncIterator[int]:
    began = time.monotonic()
    for number in range(1, plan.samples + 1):
        await asyncio.sleep(began + plan.seconds * number / plan.samples - time.monotonic())
        yield number


async def _rests(shop: KeptShop, sale_id: str) -> bool:
    """Whether every hold has ended that nobody paid."""
    row = await shop.servers.database.row(HELD, sale_id)
    return row is not None and row[0] == 0
