"""A gateway whose servers are away: what it says of itself, and how it refuses, need none.

`python -m away` prints its OpenAPI document.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from scratch import SCRATCH
from starlette.applications import Starlette

from gateway.app import gateway
from gateway.config import GatewayConfig, TokenConfig

TOKEN = TokenConfig(
    algorithm="HS256", issuer="doorbuster", audience="doorbuster", key="k" * 32, jwks_url=None
)


@asynccontextmanager
async def away(*, cors_origins: tuple[str, ...] = ()) -> AsyncIterator[Starlette]:
    """The application, with the demo's pages."""
    with tempfile.TemporaryDirectory(prefix="db-", dir=SCRATCH) as folder:
        async with gateway(_config(Path(folder), cors_origins)) as composed:
            yield composed.app
            await asyncio.sleep(0)  # what runs beside it is cancelled, and has to have begun


def calling(app: Starlette) -> httpx.AsyncClient:
    """A client without a socket in between; a defect is answered, as a server would."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


async def print_document() -> None:
    """For tools that want a file."""
    async with away() as app, calling(app) as client:
        sys.stdout.write((await client.get("/openapi.json")).text)


def _config(folder: Path, cors_origins: tuple[str, ...]) -> GatewayConfig:
    return GatewayConfig(
        redis_url=f"unix://{folder}/redis.sock",
        database_url=f"postgresql:///doorbuster?host={folder}",
        token=TOKEN,
        durability="fsync",
        cors_origins=cors_origins,
        max_streams=10,
        request_deadline_seconds=1,
        cart_seconds=60,
        drain_seconds=0,
        demo_sale="demo",
    )


if __name__ == "__main__":
    asyncio.run(print_document())
