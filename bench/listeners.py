"""Thousands of streams, read by a process of its own: `python -m bench.listeners HOST PORT PATH N`.

It says `ready` when all have had their first bytes, counts from the first line on its standard
input, and at the second one writes what it heard as JSON.
"""

import asyncio
import json
import re
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from math import inf
from typing import Final, cast

import uvloop

from bench.case import Unmeasurable

# A listening queue has room for some hundreds; more at a time would be refused by the kernel.
CONNECTING_AT_A_TIME: Final = 100
READY_SECONDS: Final = 120
_ID: Final = re.compile(rb"id: (?:\d+-)?(\d+)")


class Listener(asyncio.Protocol):
    """One stream; `heard` has the numbers of the events' ids and when they came."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.connected = asyncio.Event()
        self.is_gone = False
        self.heard: list[tuple[int, float]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._head)

    def data_received(self, data: bytes) -> None:
        self.connected.set()
        now = time.monotonic()
        self.heard += [(int(number), now) for number in _ID.findall(data)]

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.is_gone = True


class Crowd:
    """The listeners of this benchmark, seen from the process that measures."""

    def __init__(self, said: asyncio.StreamReader, told: asyncio.StreamWriter) -> None:
        self._said = said
        self._told = told

    async def begin(self) -> None:
        """Count from now on."""
        await self._say(b"begin\n")

    async def end(self) -> tuple[int, dict[int, float]]:
        """How many events were heard, and when the last stream had reached each number.

        Raises Unmeasurable if a stream has ended.
        """
        await self._say(b"end\n")
        heard = json.loads(await self._line())
        if heard["gone"]:
            raise Unmeasurable(f"{heard['gone']} streams have ended")
        return heard["events"], dict(heard["reached"])

    async def ready(self) -> None:
        """Return once every stream has begun."""
        async with asyncio.timeout(READY_SECONDS):
            if await self._line() != b"ready\n":
                raise Unmeasurable("the listeners could not connect")

    async def _say(self, line: bytes) -> None:
        self._told.write(line)
        await self._told.drain()

    async def _line(self) -> bytes:
        return await self._said.readline()


@asynccontextmanager
async def listening(address: tuple[str, int], path: str, count: int) -> AsyncIterator[Crowd]:
    """Have so many streams open for the length of a block."""
    host, port = address
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.listeners", host, str(port), path, str(count)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise Unmeasurable("no pipes")
        crowd = Crowd(process.stdout, process.stdin)
        await crowd.ready()
        yield crowd
    finally:
        process.kill()
        await process.wait()


async def _listen(host: str, port: int, path: str, count: int) -> None:
    head = b"GET %b HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n" % path.encode()
    loop = asyncio.get_running_loop()
    listeners = [Listener(head) for _ in range(count)]
    for start in range(0, count, CONNECTING_AT_A_TIME):
        some = listeners[start : start + CONNECTING_AT_A_TIME]
        for each in some:
            await loop.create_connection(partial(_itself, each), host, port)
        for each in some:
            await each.connected.wait()
    _print(b"ready")
    await asyncio.to_thread(sys.stdin.readline)
    for each in listeners:
        each.heard.clear()
    await asyncio.to_thread(sys.stdin.readline)
    _print(json.dumps(_summary(listeners)).encode())


def _itself(listener: Listener) -> Listener:
    return listener


def _summary(listeners: list[Listener]) -> dict[str, object]:
    numbers = sorted({number for each in listeners for number, _ in each.heard})
    return {
        "events": sum(len(each.heard) for each in listeners),
        "gone": sum(each.is_gone for each in listeners),
        "reached": list(zip(numbers, _reached(listeners, numbers), strict=True)),
    }


def _reached(listeners: list[Listener], numbers: list[int]) -> list[float]:
    """When the last of them had heard each number, or a later one."""
    last = [-inf] * len(numbers)
    for each in listeners:
        upto = 0
        for number, at in each.heard:
            place = bisect_left(numbers, number) + 1
            for index in range(upto, place):
                last[index] = max(last[index], at)
            upto = max(upto, place)
        for index in range(upto, len(numbers)):
            last[index] = inf
    return last


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_listen(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
