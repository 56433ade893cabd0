"""A stock stream with sse-starlette, written well: what is new is encoded once, for everybody."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route


class Board:
    """The newest event; whoever is slow skips what came in between."""

    def __init__(self) -> None:
        self.number = 0
        self.encoded = b""
        self.changed = asyncio.Event()

    def show(self, data: str) -> None:
        self.number += 1
        self.encoded = ServerSentEvent(data, event="stock", id=f"1-{self.number}").encode()
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


board = Board()
board.show("{}")


async def follow() -> None:
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis, redis.pubsub() as channel:
        await channel.subscribe("stock")
        async for message in channel.listen():
            if message["type"] == "message":
                board.show(message["data"].decode())


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow())
        yield
        following.cancel()


async def stream(_: Request) -> EventSourceResponse:
    async def events() -> AsyncIterator[bytes]:
        seen = 0
        while True:
            if seen == board.number:
                await board.changed.wait()
            seen = board.number
            yield board.encoded

    return EventSourceResponse(events(), ping=15)


app = Starlette(routes=[Route("/v1/sales/{sale_id}/events", stream)], lifespan=lifespan)
