"""Reading a definition from a Redis that is not well."""

import asyncio
import socket
import time
from pathlib import Path

import pytest

from gateway.admission.answer import CheckoutRequest
from gateway.admission.definition import DefinitionReader
from gateway.admission.desk import Desk
from gateway.admission.durability import Level
from gateway.background import Background
from gateway.counts import AdmissionCounts
from gateway.identity import Customer
from gateway.problems import STOCK_UNVERIFIED
from gateway.stock.feed import StockFeed
from lua.carts import Carts
from lua.faults import RedisFault
from lua.server import Server
from lua.store import SaleStore

DEADLINE_SECONDS = 0.3


async def test_those_in_line_wait_for_one_reading_of_a_redis_that_hangs_not_for_each(
    short_folder: Path,
) -> None:
    path = short_folder / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(64)
        async with Server(f"unix://{path}", timeout_seconds=DEADLINE_SECONDS) as server:
            reader = DefinitionReader(SaleStore(server, "friday"))
            began = asyncio.get_running_loop().time()
            reading = (reader.read() for _ in range(20))
            answers = await asyncio.gather(*reading, return_exceptions=True)
            # The one that had begun before, and the one that is asked for.
            assert asyncio.get_running_loop().time() - began < 2 * DEADLINE_SECONDS + 1
    assert all(isinstance(answer, RedisFault) for answer in answers)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", None])
async def test_sales_that_were_made_up_leave_nothing_behind(
    valkey_url: str, url: str | None
) -> None:
    async def denies(_: str) -> bool:
        return False

    async with Server(url or valkey_url) as server, asyncio.TaskGroup() as tasks:
        desk = Desk(
            server,
            Carts(server, kept_seconds=3600, max_lines=5),
            StockFeed(server, server.url),
            tasks,
            Background(),
            denies,
            lambda _: None,
            AdmissionCounts(),
            level=Level.MEMORY,
            deadline_seconds=DEADLINE_SECONDS,
        )
        for number in range(5):
            answer = await desk.checkout(
                CheckoutRequest(
                    sale_id=f"made-up-{number}",
                    customer=Customer(issuer="shop", subject="ada"),
                    idempotency_key=None,
                    wanted=(("LAMP-1", 1),),
                    traceparent=None,
                    since=time.perf_counter(),
                )
            )
            assert (answer == STOCK_UNVERIFIED) == (url is not None)
        assert desk._sales == {}
