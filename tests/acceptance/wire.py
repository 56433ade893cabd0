"""HTTP byte by byte, for requests that no client library would send."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from buyer import Answer, Line

# How long a connection that is not closed may stay silent before a test calls it open.
SILENCE_SECONDS = 3.0


class Wire(Line):
    """A connection that sends whatever it is given."""

    def write(self, data: bytes) -> None:
        """Send the bytes as they are."""
        self._writer.write(data)

    def write_eof(self) -> None:
        """Say that nothing more will come, and listen on."""
        self._writer.write_eof()

    async def answer(self) -> Answer:
        """The next answer."""
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._receive()

    async def until_closed(self) -> bytes:
        """All that comes before the server closes the connection."""
        heard = b""
        async with asyncio.timeout(SILENCE_SECONDS):
            with suppress(ConnectionError):
                while data := await self._reader.read(65536):
                    heard += data
        return heard

    async def serves_on(self, answer: Answer) -> bool:
        """Whether the connection takes another request, or ends as the answer said."""
        if answer.headers.get("connection") == "close":
            return await self.until_closed() == b""
        return (await self.send("GET", "/livez")).status == 200


@asynccontextmanager
async def wired(address: tuple[str, int]) -> AsyncIterator[Wire]:
    """A connection, closed at the end of the block."""
    reader, writer = await asyncio.open_connection(*address[:2])
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def request(
    method: str,
    path: str,
    headers: Mapping[str, str | bytes] | None = None,
    body: bytes | None = None,
) -> bytes:
    """The bytes of a request, with the length of its body."""
    named: dict[str, str | bytes] = {"host": "shop"}
    if body is not None:
        named["content-length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1".encode()]
    for name, value in (named | dict(headers or {})).items():
        lines.append(name.encode() + b": " + (value.encode() if isinstance(value, str) else value))
    return b"\r\n".join([*lines, b"", body or b""])
