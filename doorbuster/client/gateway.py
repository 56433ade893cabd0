"""A gateway, as its callers see it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp

from doorbuster.client.customer import Customer
from doorbuster.client.stock import Stock, stock_of
from doorbuster.client.stream import EventSource
from doorbuster.client.till import Till

# Longer than a gateway's own deadline and a retry; a buyer waits no longer in any case.
DEADLINE_SECONDS: Final = 10.0
# A gateway that does not even take a connection is left for the next attempt.
CONNECT_SECONDS: Final = 2.0


class Gateway:
    """What anyone may ask, and those who may ask more."""

    def __init__(self, http: aiohttp.ClientSession, url: str, seconds: float) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._seconds = seconds

    def customer(self, token: str) -> Customer:
        """Whoever the token names."""
        return Customer(http=self._http, url=self._url, credentials=token, seconds=self._seconds)

    def till(self, api_key: str) -> Till:
        """The payment service."""
        return Till(http=self._http, url=self._url, credentials=api_key, seconds=self._seconds)

    def stock(self, sale_id: str, *skus: str) -> AsyncGenerator[Stock, None]:
        """What is left, of these items or of all: now and after each change, until the sale closes.

        It connects again by itself. Close it (`contextlib.aclosing`) to stop earlier. Raises
        NoStream where the gateway has none of this sale or item.
        """
        url = f"{self._url}/v1/sales/{quote(sale_id, safe='')}/events"
        query = urlencode([("sku", sku) for sku in skus])
        return stock_of(EventSource(self._http, f"{url}?{query}" if query else url, {}))


@asynccontextmanager
async def connect(
    url: str, *, seconds: float = DEADLINE_SECONDS, http: aiohttp.ClientSession | None = None
) -> AsyncIterator[Gateway]:
    """A gateway, for the length of the block.

    A call gives up after `seconds`, where it is not told otherwise. With `http`, that is used and
    left open; it must not retry by itself.
    """
    if http is not None:
        yield Gateway(http, url, seconds)
        return
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as own:
        yield Gateway(own, url, seconds)
