"""A server that answers as a test has written down, request by request."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

from pydantic_core import to_json

# It reads the request and hangs up: whatever it did is done.
LOST = b""
# It reads the request and says nothing, until the client has had enough.
SILENCE = b"..."


@dataclass(kw_only=True)
class Scripted:
    """`heads` are the requests so far. The last answer is given again and again."""

    url: str
    answers: Sequence[bytes]
    heads: list[str] = field(default_factory=list)

    def keys(self) -> list[str]:
        """The idempotency keys of the requests."""
        lines = [line for head in self.heads for line in head.split("\r\n")]
        return [line.split(": ")[1] for line in lines if line.startswith("idempotency-key: ")]

    def take(self, head: str) -> bytes:
        self.heads.append(head)
        return self.answers[min(len(self.heads), len(self.answers)) - 1]


@asynccontextmanager
async def scripted(*answers: bytes) -> AsyncIterator[Scripted]:
    """Serve for the length of the block."""
    server = Scripted(url="", answers=answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):
            said = server.take(await _head(reader))
            if said == SILENCE:
                await reader.read()
            else:
                writer.write(said)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


async def _head(reader: asyncio.StreamReader) -> str:
    """The head of a request, whose body is read and forgotten."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = [line for line in head.split("\r\n") if line.startswith("content-length")]
    await reader.readexactly(int(length[0].split(": ")[1]) if length else 0)
    return head


def answer(status: int, body: object, *headers: str, kind: str = "application/json") -> bytes:
    """An answer whose end is that of its connection."""
    lines = [f"HTTP/1.1 {status} Because", f"content-type: {kind}", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + to_json(body)


def problem(status: int, code: str, *headers: str, **members: object) -> bytes:
    """A refusal of the gateway's."""
    body = {"type": f"urn:doorbuster:problem:{code}", "code": code, "title": code, **members}
    return answer(status, body, *headers, kind="application/problem+json")


def events(text: str) -> bytes:
    """A stream that ends."""
    lines = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "connection: close", "", ""]
    return "\r\n".join(lines).encode() + text.encode()
