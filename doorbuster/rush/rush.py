"""Runs a rush against a gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel

from doorbuster.client import Gateway, NoStream, connect
from doorbuster.faults import NotDone
from doorbuster.rush.plan import Plan, crowd
from doorbuster.rush.shopping import Shop, visit
from doorbuster.rush.tally import Tally

# Thousands of customers do not come from one machine: so many talk at a time, and the others wait
# for a connection as they would for the network.
TALKING: Final = 256
# One more for the stream.
CONNECTIONS: Final = TALKING + 1
CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the crowd goes, and with what: without a settle key nobody pays."""

    url: str
    settle_key: str | None
    token_of: Callable[[str], str]


class _Item(BaseModel):
    sku: str
    limit_per_customer: int | None


class _Sale(BaseModel):
    state: str
    items: list[_Item]


async def rush(plan: Plan, place: Place, tally: Tally) -> None:
    """Let the crowd come, and return when the last one has gone. Raises NotDone."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        shoppers = crowd(plan, await _limits(http, place, plan.sale_id))
        async with connect(place.url, http=http) as gateway:
            shop = Shop(
                gateway=gateway,
                till=gateway.till(place.settle_key) if place.settle_key else None,
                sale_id=plan.sale_id,
                token_of=place.token_of,
                tally=tally,
                door=asyncio.Semaphore(TALKING),
            )
            tally.begin()
            async with _watching(gateway, plan.sale_id, tally), asyncio.TaskGroup() as tasks:
                for shopper in shoppers:
                    tasks.create_task(visit(shop, shopper))


async def _limits(http: aiohttp.ClientSession, place: Place, sale_id: str) -> Mapping[str, int]:
    """Each sku with its limit per customer, 0 for none."""
    url = f"{place.url}/v1/sales/{quote(sale_id, safe='')}"
    try:
        async with http.get(url) as answer:
            body = await answer.read()
    except aiohttp.ClientError as error:
        raise NotDone(f"no gateway answers at {place.url}: {error}") from error
    if answer.status != 200:
        raise NotDone(f"{url} answers {answer.status}: is there such a sale, and is it open?")
    sale = _Sale.model_validate_json(body)
    return {item.sku: item.limit_per_customer or 0 for item in sale.items}


@asynccontextmanager
async def _watching(gateway: Gateway, sale_id: str, tally: Tally) -> AsyncIterator[None]:
    """Note what is left for the length of the block."""

    async def watch() -> None:
        with suppress(NoStream):
            async with aclosing(gateway.stock(sale_id)) as states:
                async for stock in states:
                    tally.note_left(sum(stock.items.values()))

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        yield
        watching.cancel()
