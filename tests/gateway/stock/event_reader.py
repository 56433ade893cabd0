"""A client of the stock stream, as a browser's EventSource is one."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What was dispatched; `id` is the last one that was set, here or before."""

    kind: str
    id: str
    data: dict[str, object]

    @property
    def version(self) -> tuple[int, int]:
        """Epoch and version by the id."""
        epoch, version = self.id.split("-")
        return int(epoch), int(version)

    @property
    def state(self) -> object:
        """The sale's state."""
        return self.data["state"]

    @property
    def available(self) -> dict[str, int]:
        """The units left by sku."""
        items = self.data["items"]
        assert isinstance(items, list)
        return {item["sku"]: item["available"] for item in items}


class EventReader:
    """Parses a stream as the HTML standard says; `retry_ms` is the last that was set."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.retry_ms: int | None = None
        self.last_event_id = ""
        self._lines = response.aiter_lines()

    async def next(self, *kinds: str, seconds: float = 5.0) -> Event:
        """The next event, of these kinds if any are given."""
        async with asyncio.timeout(seconds):
            while True:
                event = await self._next_of_any_kind()
                if event is None:
                    raise EOFError
                if not kinds or event.kind in kinds:
                    return event

    async def until_version(self, version: int, seconds: float = 5.0) -> list[Event]:
        """All events up to the one with this version."""
        events = []
        async with asyncio.timeout(seconds):
            while True:
                events.append(await self.next("stock", "snapshot"))
                if events[-1].version[1] >= version:
                    return events

    async def rest(self, seconds: float = 5.0) -> list[Event]:
        """Everything up to the end of the stream."""
        events = []
        async with asyncio.timeout(seconds):
            while event := await self._next_of_any_kind():
                events.append(event)
        return events

    async def _next_of_any_kind(self) -> Event | None:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            self.last_event_id = fields.get("id", self.last_event_id)
            if "retry" in fields:
                self.retry_ms = int(fields["retry"])
            if "data" in fields:
                return Event(
                    kind=fields.get("event", "message"),
                    id=self.last_event_id,
                    data=json.loads(fields["data"]),
                )
            fields = {}
        return None


@asynccontextmanager
async def reading(
    client: httpx.AsyncClient,
    sale_id: str,
    *,
    skus: tuple[str, ...] = (),
    last_event_id: str | None = None,
    query: str | None = None,
) -> AsyncIterator[EventReader]:
    """Read a sale's stream for the length of a block."""
    params = [("sku", sku) for sku in skus]
    if query is not None:
        params.append(("last_event_id", query))
    headers = {"last-event-id": last_event_id} if last_event_id else {}
    url = f"/v1/sales/{sale_id}/events"
    async with client.stream("GET", url, params=params, headers=headers) as response:
        yield EventReader(response)


@contextmanager
def never_reading(address: tuple[str, int], sale_id: str) -> Iterator[socket.socket]:
    """A client that asks for the stream and reads nothing of it."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(address)
        request = f"GET /v1/sales/{sale_id}/events HTTP/1.1\r\nHost: gateway\r\n\r\n"
        client.sendall(request.encode())
        client.settimeout(0)
        yield client
