"""A small HTTP client for crowds: one connection, no library between the test and the wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; `body` is parsed JSON, None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Line:
    """A keep-alive connection to one gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its answer."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "host: shop"]
        if token:
            lines.append(f"authorization: Bearer {token}")
        if body is not None:
            lines += ["content-type: application/json", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        return await self._receive()

    async def checkout(
        self, sale: str, token: str, lines: Mapping[str, int], key: str | None = None
    ) -> Answer:
        """Check out so many units of each sku."""
        return await self.send(
            "POST",
            f"/v1/sales/{sale}/checkout",
            token=token,
            body={"lines": [{"sku": sku, "quantity": units} for sku, units in lines.items()]},
            headers={"idempotency-key": key} if key else None,
        )

    async def _receive(self) -> Answer:
        status, headers = await self.receive_head()
        length = int(headers.get("content-length", 0))
        content = await self._reader.readexactly(length)
        return Answer(status=status, headers=headers, body=json.loads(content) if content else None)

    async def receive_head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of an answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in head[1:] if line)
        return int(head[0].split()[1]), {name.lower(): value for name, _, value in pairs}


@asynccontextmanager
async def calling(address: tuple[str, int]) -> AsyncIterator[Line]:
    """A connection, closed at the end of the block."""
    reader, writer = await asyncio.open_connection(*address[:2])
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a stream."""

    id: str
    name: str
    data: Any


async def events(
    address: tuple[str, int], path: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Event]:
    """The events of a stream, until it ends or the caller has seen enough."""
    reader, writer = await asyncio.open_connection(*address[:2])
    lines = [f"GET {path} HTTP/1.1", "host: shop", "accept: text/event-stream"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        await reader.readuntil(b"\r\n\r\n")
        async for block in _blocks(reader):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "data" in fields:
                yield Event(
                    id=fields.get("id", ""),
                    name=fields.get("event", "message"),
                    data=json.loads(fields["data"]),
                )
    finally:
        writer.close()


async def _blocks(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """Text between empty lines, out of a chunked body."""
    text = b""
    while size := int((await reader.readline()).strip() or b"0", 16):
        text += await reader.readexactly(size)
        await reader.readline()
        *blocks, text = text.split(b"\n\n")
        for block in blocks:
            yield block.decode()
