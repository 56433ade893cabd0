"""Gateways are replaced while buyers check out and watch: nobody loses a request or a stream."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from buyer import calling, events
from kept_shop import KeptShop, LoggedChild, keeping_shop
from shop import settings_for
from waiting import until

from doorbuster.python_child import PythonChild
from gateway.listener import listen

BUYERS = 6
WATCHERS = 4
ROUNDS = 2
UNITS = 1_000_000
DRAIN_SECONDS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """One socket for all gateways, as a load balancer has one address for all of them."""

    address: tuple[str, int]
    descriptor: int


@dataclass(slots=True, kw_only=True)
class Seen:
    """What buyers and watchers met; versions are the newest of each watcher."""

    checkouts: int = 0
    reservations: set[str] = field(default_factory=set)
    connections: int = 0
    byes: int = 0
    versions: dict[int, int] = field(default_factory=dict)


@pytest.fixture
def front() -> Iterator[Front]:
    with listen("127.0.0.1", 0) as listening:
        yield Front(address=listening.getsockname(), descriptor=listening.fileno())


@pytest.mark.proof
async def test_no_request_is_lost_while_gateways_are_replaced(
    redis_url: str, database_url: str, tmp_path: Path, front: Front
) -> None:
    settings = settings_for(redis_url, database_url, tmp_path)
    settings |= {"DOORBUSTER_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    seen = Seen()
    async with keeping_shop(settings, tmp_path, gateways=0, reconcilers=2) as shop:
        await start_gateway(shop, 1, front)
        sale = await shop.sell(UNITS)
        async with crowd(shop, sale, front, seen):
            for number in range(1, ROUNDS + 1):
                await start_gateway(shop, number + 1, front)
                async with idle(front):
                    assert await replace(shop, f"gateway-{number}", front) >= {200, 503}
            await shop.stop("reconciler-1")
            sold = len(seen.reservations)
            await until(lambda: len(seen.reservations) > sold)
            await until(lambda: min(seen.versions.values()) > sold)
        await shop.audited(sale)
        (item,) = (await shop.report(sale)).items
    assert not shop.faults()
    assert len(seen.reservations) == seen.checkouts == UNITS - item.available
    assert seen.connections > BUYERS  # they were told to make another one
    assert seen.byes >= WATCHERS  # and so were those who only watch


async def start_gateway(shop: KeptShop, number: int, front: Front) -> None:
    """Start one more on the same socket, and return once it serves."""
    name = f"gateway-{number}"
    child = PythonChild(
        name=name,
        arguments=["gateway", "--fd", str(front.descriptor)],
        settings=shop.settings,
        descriptors=(front.descriptor,),
        address=front.address,
    )
    shop.children[name] = LoggedChild(child=child, log=shop.folder / f"{name}.log")
    await shop.start(name)
    # Another one may have answered; this line comes before the first request is taken.
    log = shop.children[name].log
    await until(lambda: "Started server process" in log.read_text())


async def replace(shop: KeptShop, name: str, front: Front) -> set[int]:
    """Stop it in order; returns what /readyz has said meanwhile, on new connections."""
    answers: set[int] = set()
    process = shop.processes.pop(name)
    process._process.send_signal(signal.SIGTERM)
    ended = asyncio.create_task(process.wait())
    while not ended.done():
        async with calling(front.address) as line:
            answers.add((await line.send("GET", "/readyz")).status)
    assert await ended == 0
    return answers


@asynccontextmanager
async def idle(front: Front) -> AsyncIterator[None]:
    """Somebody who keeps a connection, and asks nothing."""
    async with calling(front.address) as line:
        await line.send("GET", "/livez")
        yield


@asynccontextmanager
async def crowd(shop: KeptShop, sale: str, front: Front, seen: Seen) -> AsyncIterator[None]:
    """Buyers and watchers, until the end of the block; whoever is cut off fails the test."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(BUYERS):
            tasks.create_task(buy(shop, sale, front, seen, f"buyer-{number}", stop))
        watching = [tasks.create_task(watch(sale, front, seen, each)) for each in range(WATCHERS)]
        await until(lambda: len(seen.versions) == WATCHERS and len(seen.reservations) > BUYERS)
        yield
        stop.set()
        for each in watching:
            each.cancel()


async def buy(
    shop: KeptShop, sale: str, front: Front, seen: Seen, customer: str, stop: asyncio.Event
) -> None:
    """Buy again and again, on one connection for as long as the gateway keeps it."""
    turns = count()
    while not stop.is_set():
        seen.connections += 1
        async with calling(front.address) as line:
            while not stop.is_set():
                # A new customer each time: what one may reserve is bounded.
                token = shop.token(f"{customer}-{next(turns)}")
                answer = await line.checkout(sale, token, {"LAMP-1": 1})
                assert answer.status == 201, answer
                seen.checkouts += 1
                seen.reservations.add(answer.body["id"])
                if answer.headers.get("connection") == "close":
                    break


async def watch(sale: str, front: Front, seen: Seen, number: int) -> None:
    """Watch the stock, and connect again when told good-bye."""
    while True:
        async for event in events(front.address, f"/v1/sales/{sale}/events"):
            if event.name == "bye":
                seen.byes += 1
            elif event.name in {"snapshot", "stock"}:
                seen.versions[number] = max(event.data["version"], seen.versions.get(number, 0))
