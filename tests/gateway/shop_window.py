"""The public reading endpoints over a real ledger, which a test may take away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import httpx
from starlette.applications import Starlette

from gateway.exception_handlers import EXCEPTION_HANDLERS
from gateway.last_copies import READINGS_AT_ONCE
from gateway.products import Products
from gateway.sale_view import SaleView
from sql.database import Database


@asynccontextmanager
async def shop_window(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the endpoints."""
    turns = asyncio.Semaphore(READINGS_AT_ONCE)
    routes = [*Products(database, turns).routes(), *SaleView(database, turns).routes()]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


class Outage:
    """Postgres lets nobody into the database for the length of a block."""

    def __init__(self, server_url: str, database_url: str) -> None:
        self._server_url = server_url
        self._name = urlsplit(database_url).path[1:]

    async def __aenter__(self) -> None:
        await self._allow("false")
        await self._run(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", self._name
        )

    async def __aexit__(self, *_: object) -> None:
        await self._allow("true")

    async def _allow(self, allowed: str) -> None:
        await self._run(f"alter database {self._name} allow_connections {allowed}")

    async def _run(self, statement: str, *arguments: str) -> None:
        connection = await asyncpg.connect(self._server_url)
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()
