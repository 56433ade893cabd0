"""Stays connected to a stream of events, from one connection to the next."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import aiohttp

from doorbuster.client.patience import jittered, retry_after_seconds
from doorbuster.client.server_sent_events import Event, EventReader, EventTooLarge

# A gateway says something every 15 seconds; whoever is silent for longer is gone.
SILENCE_SECONDS: Final = 45.0
CONNECT_SECONDS: Final = 5.0
# Where the stream has named no time to come back after.
RETRY_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0
MAX_DOUBLINGS: Final = 10  # beyond which a power of two is only a large number

_GONE: Final = frozenset([400, 401, 403, 404, 405, 410])


class NoStream(Exception):
    """There is no such stream, or not for this caller; asking again changes nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the gateway answered {status}")
        self.status = status


class EventSource:
    """`events()` goes on after each loss where the last event left off, until the server ends it.

    It never raises for a connection: a stream that cannot be had now is waited for.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
        self._http = http
        self._url = url
        self._headers = headers
        self._last_id = ""
        self._retry_seconds = RETRY_SECONDS
        self._failures = 0
        self._over = False

    async def events(self) -> AsyncGenerator[Event, None]:
        """Every event. Raises NoStream."""
        while True:
            async with aclosing(self._connection()) as connection:
                async for event in connection:
                    self._failures, self._last_id = 0, event.id
                    yield event
            if self._over:
                return
            await asyncio.sleep(self._wait())

    async def _connection(self) -> AsyncGenerator[Event, None]:
        """The events of one connection, however it ends."""
        self._failures += 1
        headers = {**self._headers, "accept": "text/event-stream"}
        if self._last_id:
            headers["last-event-id"] = self._last_id
        timeout = aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        try:
            async with self._http.get(
                self._url, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                self._check(response)
                if response.status == 200:
                    async with aclosing(self._read(response)) as events:
                        async for event in events:
                            yield event
        except (aiohttp.ClientError, TimeoutError, EventTooLarge):
            return

    def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status in _GONE:
            raise NoStream(response.status)
        # That is how a server tells an EventSource not to come back.
        self._over = response.status == 204
        if (seconds := retry_after_seconds(response.headers)) is not None:
            self._come_back_after(seconds)

    async def _read(self, response: aiohttp.ClientResponse) -> AsyncGenerator[Event, None]:
        reader = EventReader()
        async for chunk in response.content.iter_any():
            for event in reader.feed(chunk):
                yield event
            if reader.retry_ms is not None:
                self._come_back_after(reader.retry_ms / 1000)

    def _come_back_after(self, seconds: float) -> None:
        self._failures, self._retry_seconds = 0, seconds

    def _wait(self) -> float:
        """As long as the gateway said; longer each time that there was none to say anything."""
        growing = self._retry_seconds * 2 ** min(self._failures, MAX_DOUBLINGS)
        return jittered(min(growing, max(self._retry_seconds, LONGEST_WAIT_SECONDS)))
