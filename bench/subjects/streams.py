"""What streams a sale's stock: each shows a change to everybody who listens."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from bench import installation, open_loop
from bench.buying import EACH_NEW
from bench.case import Unmeasurable
from bench.ground import Ground, ground
from bench.http import post
from bench.peer import SOURCES, Peer, free_address
from bench.subject import Shop
from bench.subjects import doorbuster
from bench.subjects.peers import serve, uvicorn
from bench.tokens import Tokens
from lua.server import Server

PATH: Final = "/v1/sales/bench/events"
NCHAN: Final = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
# As long as an event of ours.
_DOCUMENT: Final = (
    '{"sale_id":"bench","state":"open","epoch":1,"version":%d,'
    '"server_time":"2026-11-27T09:00:00.000Z","items":[{"sku":"LAMP-1","available":%d}]}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """`change` makes one change of the stock; `pid` is the process that holds the streams."""

    address: tuple[str, int]
    pid: int
    change: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamer:
    """`says` tells in a line what it does."""

    name: str
    says: str
    start: Callable[[Path], AbstractAsyncContextManager[Streaming]]


@asynccontextmanager
async def _doorbuster(folder: Path) -> AsyncIterator[Streaming]:
    tokens = Tokens(folder, EACH_NEW.algorithm)
    checkouts = open_loop.checkouts(tokens.first(1000), "stream-")
    shop = Shop(folder=folder, tokens=tokens)
    async with doorbuster.subject().start(shop) as running:
        yield Streaming(
            address=running.address,
            pid=running.processes["gateway"],
            change=lambda: post(running.address, next(checkouts)),
        )


@asynccontextmanager
async def _sse_starlette(folder: Path) -> AsyncIterator[Streaming]:
    async with ground(folder) as own:
        url = await own.redis()
        program = uvicorn(await installation.python(), "sse_starlette_stock")
        address = await serve(own, program, {"REDIS_URL": url})
        async with Server(url) as server:
            numbers = count(1)

            async def change() -> None:
                await server.command("PUBLISH", "stock", _document(next(numbers)))

            yield Streaming(address=address, pid=own.processes["gateway"], change=change)


@asynccontextmanager
async def _nchan(folder: Path) -> AsyncIterator[Streaming]:
    program = shutil.which("nginx")
    if program is None or not NCHAN.exists():
        raise Unmeasurable("there is no nginx with nchan; Debian has it as libnginx-mod-nchan")
    async with ground(folder) as own:
        address = await _start_nginx(own, program)
        numbers = count(1)
        yield Streaming(
            address=address,
            pid=own.processes["gateway"],
            change=lambda: _publish(address, _document(next(numbers))),
        )


async def _start_nginx(own: Ground, program: str) -> tuple[str, int]:
    address = free_address()
    written = own.folder / "nchan.conf"
    text = (SOURCES / "nchan.conf").read_text().replace("MODULE", str(NCHAN))
    written.write_text(text.replace("PORT", str(address[1])).replace("FOLDER", str(own.folder)))
    argv = (program, "-p", own.folder, "-c", written)
    await own.start(Peer(name="nginx", argv=argv, settings={}, address=address), called="gateway")
    return address


async def _publish(address: tuple[str, int], document: str) -> None:
    head = "POST /publish HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    await post(address, f"{head}Content-Length: {len(document)}\r\n\r\n{document}".encode())


def _document(number: int) -> str:
    return _DOCUMENT % (number, 1_000_000 - number)


DOORBUSTER: Final = Streamer(
    name="doorbuster",
    says="the gateway: every change is a checkout, told by Redis; the newest state to all",
    start=_doorbuster,
)
SSE_STARLETTE: Final = Streamer(
    name="sse-starlette",
    says="Starlette with EventSourceResponse: told by Redis, encoded once, the newest state to all",
    start=_sse_starlette,
)
NCHAN_STREAMER: Final = Streamer(
    name="nchan",
    says="nginx with nchan, in C: every change is posted to it, and is sent to all as it came",
    start=_nchan,
)
