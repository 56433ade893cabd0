"""What a shop counts: one gateway, and several workers that are added up."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
import pytest_asyncio
from buyer import calling
from kept_shop import KeptShop, until_true
from running_up import descendants, start
from scraping import Scrape, scrape

pytestmark = pytest.mark.asyncio(loop_scope="module")
ADMITTED = "doorbuster_checkouts_total"


async def until_scraped(
    address: tuple[str, int], condition: Callable[[Scrape], bool], *, times: int = 1
) -> None:
    """Return once so many scrapes in a row fulfil the condition, whoever answers them."""

    async def fulfilled() -> bool:
        try:
            return all([condition(await scrape(address)) for _ in range(times)])
        except httpx.TransportError:  # of a worker that was killed
            return False

    await until_true(fulfilled, seconds=30)


async def test_checkouts_are_counted_by_their_outcome(shop: KeptShop) -> None:
    sale = await shop.sell(3, limit=2)
    before = (await scrape(shop.address)).outcomes(ADMITTED)
    await shop.buy(sale, "ada", 2, key="one")
    await shop.buy(sale, "ada", 2, key="one")
    await shop.buy(sale, "ada", 1)
    await shop.buy(sale, "bob", 2)
    await shop.buy(sale, "bob", {"NO-SUCH": 1})
    await shop.buy("no-such-sale", "bob")
    await shop.send("POST", f"/v1/sales/{sale}/checkout", body={})
    expected = dict.fromkeys(
        (
            "admitted",
            "replayed",
            "purchase-limit-exceeded",
            "insufficient-stock",
            "unknown-sku",
            "unknown-sale",
            "unauthenticated",
        ),
        1.0,
    )

    def risen(seen: Scrape) -> dict[str, float]:
        after = seen.outcomes(ADMITTED)
        return {key: value - before.get(key, 0) for key, value in after.items()}

    await until_scraped(shop.address, lambda seen: risen(seen) == expected)
    seen = await scrape(shop.address)
    assert seen.value("doorbuster_checkout_seconds_count") == sum(seen.outcomes(ADMITTED).values())
    calls = seen.value("doorbuster_redis_call_seconds_count")
    assert seen.value("doorbuster_batch_checkouts_count") == calls > 0
    assert seen.value("doorbuster_checkouts_waiting") == 0
    assert seen.value("doorbuster_redis_calls_in_flight") == 0


async def test_promtool_finds_no_fault_with_a_real_scrape(shop: KeptShop) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH")
    await shop.buy(await shop.sell(), "ada")
    await until_scraped(shop.address, lambda seen: seen.value(ADMITTED, outcome="admitted") > 0)
    page = (await scrape(shop.address)).text
    checked = await asyncio.to_thread(
        partial(subprocess.run, capture_output=True, text=True, check=False, input=page),
        [promtool, "check", "metrics"],
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


async def test_payments_and_releases_are_counted_by_what_came_of_them(shop: KeptShop) -> None:
    sale, key = await shop.sell(9), await shop.key()
    bought = await shop.buy(sale, "ada")
    assert bought.status == 201, bought
    path = f"/v1/reservations/{bought.body['id']}"
    for reference in ("pay-1", "pay-1", "pay-2"):
        paid = {"payment_reference": reference}
        await shop.send("POST", f"{path}/confirm", token=key, body=paid)
    await shop.send("POST", f"{path}/release", token=key)
    await until_scraped(
        shop.address,
        lambda seen: (
            seen.outcomes("doorbuster_payments_total") == {"paid": 2, "already-paid": 1}
            and seen.outcomes("doorbuster_releases_total") == {"already-paid": 1}
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """`gateway --workers 2`, and who they are."""

    address: tuple[str, int]
    pid: int

    def pids(self) -> list[int]:
        return sorted(descendants(self.pid))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(shop: KeptShop) -> AsyncIterator[Workers]:
    """Two workers of the same shop, behind a port of their own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address: tuple[str, int] = probe.getsockname()
    process = await start(
        "gateway", "--workers", "2", "--port", str(address[1]), environment=shop.settings
    )
    running = Workers(address=address, pid=process.pid)
    try:
        await until_true(lambda: _answers(address), seconds=30)
        await until_scraped(address, _both_live)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def _answers(address: tuple[str, int]) -> bool:
    try:
        async with calling(address) as line:
            return (await line.send("GET", "/readyz")).status == 200
    except OSError:
        return False


def _both_live(seen: Scrape) -> bool:
    return seen.value("doorbuster_gateway_workers") == 2


def _one_lives(seen: Scrape) -> bool:
    return seen.value("doorbuster_gateway_workers") == 1


async def test_any_worker_tells_of_all_also_of_one_that_died(
    shop: KeptShop, workers: Workers
) -> None:
    sale = await shop.sell(1000)
    for number in range(40):
        async with calling(workers.address) as line:
            await line.checkout(sale, shop.token(f"customer-{number}"), {"LAMP-1": 1})

    def all_counted(seen: Scrape) -> bool:
        return seen.outcomes(ADMITTED) == {"admitted": 40} and (
            seen.value("doorbuster_checkout_seconds_bucket", le="+Inf") == 40
        )

    await until_scraped(workers.address, all_counted, times=8)
    dead = workers.pids()[0]
    os.kill(dead, signal.SIGKILL)
    await until_true(lambda: _replaced(workers, dead))
    await until_scraped(workers.address, _both_live, times=8)
    await until_scraped(workers.address, all_counted, times=8)


async def _replaced(workers: Workers, dead: int) -> bool:
    return dead not in workers.pids() and len(workers.pids()) == 2


async def test_what_a_dead_worker_had_open_counts_no_more(shop: KeptShop, workers: Workers) -> None:
    sale = await shop.sell()
    async with AsyncExitStack() as stack:
        streams = [await _watch(stack, workers, sale) for _ in range(12)]
        await until_scraped(workers.address, lambda seen: seen.value("doorbuster_streams") == 12)
        os.kill(workers.pids()[0], signal.SIGKILL)
        # Before another one takes its place, which takes an interpreter's start.
        await until_scraped(workers.address, _one_lives)

        def only_the_living(seen: Scrape) -> bool:
            open_streams = sum(not stream.done() for stream in streams)
            return seen.value("doorbuster_streams") == open_streams and _both_live(seen)

        await until_scraped(workers.address, only_the_living, times=8)


async def _watch(stack: AsyncExitStack, workers: Workers, sale: str) -> "asyncio.Task[bytes]":
    """Open a stream; the task ends with it."""
    reader, writer = await asyncio.open_connection(*workers.address)
    writer.write(f"GET /v1/sales/{sale}/events HTTP/1.1\r\nhost: shop\r\n\r\n".encode())
    assert b"200" in await reader.readline()
    stream = asyncio.create_task(reader.read())
    stack.push_async_callback(_close, writer, stream)
    return stream


async def _close(writer: asyncio.StreamWriter, stream: "asyncio.Task[bytes]") -> None:
    writer.close()
    await asyncio.gather(stream, return_exceptions=True)
