"""The stock as an iterator: each state once, over lost connections, to the end of the sale."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from scripted import LOST, Scripted, events, problem, scripted

from doorbuster.client import NoStream, connect

OVER = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


def event(name: str, version: int, *, epoch: int = 1, state: str = "open") -> str:
    data = {
        "sale_id": "friday",
        "state": state,
        "epoch": epoch,
        "version": version,
        "server_time": "2026-11-27T09:00:00.000Z",
        "items": [{"sku": "LAMP-1", "available": 100 - version}],
    }
    return f"id: {epoch}-{version}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


AT_ONCE = "retry: 1\n"
BYE = 'event: bye\ndata: {"server_time": "2026-11-27T09:00:00.000Z"}\n\n'
FUTURE = "event: something-new\ndata: ?\n\n"


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(20):
        yield


async def seen(server: Scripted) -> list[tuple[int, int, str, int]]:
    async with connect(server.url) as gateway, aclosing(gateway.stock("friday")) as stock:
        return [
            (each.epoch, each.version, each.state, each.items["LAMP-1"]) async for each in stock
        ]


async def test_each_state_is_told_once_over_the_loss_of_connections() -> None:
    async with scripted(
        events(AT_ONCE + event("snapshot", 1) + event("stock", 2) + FUTURE + BYE),
        LOST,
        events(AT_ONCE + event("snapshot", 2) + event("stock", 3)),
        events(AT_ONCE + event("snapshot", 1)),  # another gateway, which is behind
        events(AT_ONCE + event("snapshot", 3, state="closed")),  # closed by the clock
        events(AT_ONCE + event("snapshot", 0, epoch=2)),  # after a loss in Redis
        OVER,
    ) as server:
        told = await seen(server)
    assert told == [
        (1, 1, "open", 99),
        (1, 2, "open", 98),
        (1, 3, "open", 97),
        (1, 3, "closed", 97),
        (2, 0, "open", 100),
    ]


async def test_it_says_what_it_has_seen_when_it_comes_back() -> None:
    async with scripted(events(AT_ONCE + event("snapshot", 1) + event("stock", 2)), OVER) as server:
        await seen(server)
    assert "last-event-id" not in server.heads[0]
    assert "last-event-id: 1-2\r\n" in server.heads[1]


async def test_an_overloaded_gateway_is_asked_again() -> None:
    busy = problem(503, "overloaded", "retry-after: 1")
    async with scripted(
        events("retry: 1\n\n"), busy, events(AT_ONCE + event("snapshot", 1)), OVER
    ) as server:
        assert len(await seen(server)) == 1


async def test_a_stream_that_is_none_is_an_exception() -> None:
    async with scripted(problem(404, "unknown-sale")) as server:
        with pytest.raises(NoStream):
            await seen(server)


async def test_items_are_asked_for_by_name() -> None:
    async with scripted(OVER) as server, connect(server.url) as gateway:
        assert [each async for each in gateway.stock("friday", "LAMP-1", "MUG")] == []
    assert server.heads[0].startswith("get /v1/sales/friday/events?sku=lamp-1&sku=mug ")
