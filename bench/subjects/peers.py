"""What others would write for the same job; their code is in `bench/peers/`."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg

from bench import installation
from bench.ground import Ground, ground
from bench.peer import SOURCES, Peer, free_address
from bench.subject import Running, Shop, Subject
from lua.replies import array, integer
from lua.server import Server

_STOCK: Final = "{bench}:stock"
_ORDERS: Final = "{bench}:orders"
_Taken: TypeAlias = Callable[[], Awaitable[int]]


@asynccontextmanager
async def _hello(shop: Shop) -> AsyncIterator[Running]:
    async with ground(shop.folder) as own:
        address = await serve(own, uvicorn(sys.executable, "hello"), {})
        yield Running(address=address, processes=own.processes, taken=None)


@asynccontextmanager
async def _fastapi_redis(shop: Shop) -> AsyncIterator[Running]:
    async with ground(shop.folder) as own, _redis(own, shop) as (url, taken):
        program = uvicorn(await installation.python(), "fastapi_redis")
        address = await serve(own, program, _settings(shop) | {"REDIS_URL": url})
        yield Running(address=address, processes=own.processes, taken=taken, redis_url=url)


@asynccontextmanager
async def _fastify_ioredis(shop: Shop) -> AsyncIterator[Running]:
    async with ground(shop.folder) as own, _redis(own, shop) as (url, taken):
        program = [await installation.node(), "fastify.js"]
        address = await serve(own, program, _settings(shop) | {"REDIS_URL": url})
        yield Running(address=address, processes=own.processes, taken=taken, redis_url=url)


@asynccontextmanager
async def _fastify_writer(shop: Shop) -> AsyncIterator[Running]:
    async with _fastify_ioredis(shop) as running, ground(shop.folder) as own:
        url = await own.postgres()
        connection = await asyncpg.connect(url)
        await connection.execute((SOURCES / "fastify_writer.sql").read_text())
        settings = {"REDIS_URL": running.redis_url, "DATABASE_URL": url, "STREAM": _ORDERS}
        writer = Peer(
            name="writer", argv=[await installation.node(), "fastify_writer.js"], settings=settings
        )
        await own.start(writer, called="writer")

        async def committed() -> int:
            orders: int = await connection.fetchval("select count(*) from placed")
            return orders

        try:
            yield replace(
                running, processes={**running.processes, **own.processes}, committed=committed
            )
        finally:
            await connection.close()


@asynccontextmanager
async def _row_lock(shop: Shop) -> AsyncIterator[Running]:
    async with ground(shop.folder) as own:
        url = await own.postgres()
        connection = await asyncpg.connect(url)
        await connection.execute((SOURCES / "row_lock.sql").read_text())
        await connection.execute(
            "insert into item select sku, $2 from unnest($1::text[]) as sku", shop.skus, shop.units
        )

        async def taken() -> int:
            taken: int = await connection.fetchval("select count(*) from placed")
            return taken

        program = uvicorn(await installation.python(), "row_lock")
        address = await serve(own, program, _settings(shop) | {"DATABASE_URL": url})
        try:
            yield Running(address=address, processes=own.processes, taken=taken)
        finally:
            await connection.close()


HELLO: Final = Subject(
    name="hello",
    says="bare Starlette on the same uvicorn: one route, a constant answer, nothing checked",
    start=_hello,
)
FASTAPI_REDIS: Final = Subject(
    name="fastapi-redis",
    says="FastAPI, PyJWT, one EVALSHA a request: token, idempotency key, limit, stock, stream",
    start=_fastapi_redis,
)
FASTIFY_IOREDIS: Final = Subject(
    name="fastify-ioredis",
    says=(
        "Fastify with schemas, fast-jwt with its cache, ioredis with automatic pipelining: token, "
        "idempotency key, limit, stock, stream"
    ),
    start=_fastify_ioredis,
)
FASTIFY_WRITER: Final = Subject(
    name="fastify-ioredis",
    says=(
        "the Fastify of the suite `checkout`, and a consumer group in Node that writes batches "
        "by `unnest`"
    ),
    start=_fastify_writer,
)
ROW_LOCK: Final = Subject(
    name="postgres-row-lock",
    says=(
        "Starlette, PyJWT, asyncpg, no Redis: one row-locked transaction an order, in one round "
        "trip: token, idempotency key, limit, stock, order"
    ),
    start=_row_lock,
)


@asynccontextmanager
async def _redis(own: Ground, shop: Shop) -> AsyncIterator[tuple[str, _Taken]]:
    """A Redis that has the stock, and what tells how many units were taken."""
    url = await own.redis()
    async with Server(url) as server:
        await server.command(
            "HSET", _STOCK, *(word for sku in shop.skus for word in (sku, shop.units))
        )

        async def taken() -> int:
            left = array(await server.command("HVALS", _STOCK))
            return shop.units * len(shop.skus) - sum(map(integer, left))

        yield url, taken


async def serve(
    own: Ground, program: Sequence[str | Path], settings: Mapping[str, str]
) -> tuple[str, int]:
    """Start a peer on a free port; a server of its own is told by its environment."""
    host, port = address = free_address()
    argv = [*program, "--host", host, "--port", str(port)] if "uvicorn" in program else program
    settings = {**settings, "PORT": str(port)}
    peer = Peer(name="peer", argv=argv, settings=settings, address=address)
    await own.start(peer, called="gateway")
    return address


def uvicorn(python: str | Path, module: str) -> list[str | Path]:
    """The same server as ours, with what of our settings matters to speed."""
    return [
        *(python, "-m", "uvicorn", f"{module}:app", "--app-dir", "."),
        *("--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--no-server-header", "--no-proxy-headers", "--log-level", "warning"),
    ]


def _settings(shop: Shop) -> dict[str, str]:
    return {
        "TOKEN_KEY": shop.tokens.verification_key,
        "TOKEN_ALGORITHM": shop.tokens.algorithm,
        "LIMIT": str(shop.limit),
    }
