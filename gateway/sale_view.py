"""`GET /v1/sales` and `GET /v1/sales/{sale_id}`: what a buyer may know of sales, by the ledger."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.conditional import document
from gateway.last_copies import LastCopies
from gateway.openapi import Call
from gateway.problems import UNKNOWN_SALE, Refusal
from gateway.query import link, parse_query
from gateway.representation import timestamp
from gateway.sale_operations import LIST_SALES, READ_SALE, SalesQuery
from gateway.sales import is_sale_id
from lua.record import state_at
from sql import sales
from sql.database import Database
from sql.sales import LedgerItem, Sale, SaleState

# Sales of 500 items are 20 MB; usual ones a hundredth of that.
MAX_SALES: Final = 256
MAX_PAGES: Final = 64

# One more than the page has, if there is a next one.
Page: TypeAlias = Sequence[Sale]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A sale with its items."""

    sale: Sale
    items: tuple[LedgerItem, ...]


class SaleView:
    """The endpoints. What is left of each item is the stock's to tell, not the ledger's."""

    def __init__(self, database: Database, turns: asyncio.Semaphore) -> None:
        self._database = database
        self._offers = LastCopies[Offer](MAX_SALES, turns)
        self._pages = LastCopies[Page](MAX_PAGES, turns)

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [
            Call("/v1/sales", self.browse, LIST_SALES),
            Call("/v1/sales/{sale_id}", self.read, READ_SALE),
        ]

    async def browse(self, request: Request) -> Response:
        """A page of sales, newest first."""
        wanted = parse_query(request, SalesQuery)
        copy = await self._pages.read(wanted.model_dump_json(), lambda: self._page(wanted))
        return document(request, _page(copy.value, wanted), copy.headers())

    async def read(self, request: Request) -> Response:
        """The sale and its items; a draft does not exist for the public."""
        sale_id = request.path_params["sale_id"]
        if not is_sale_id(sale_id):
            raise Refusal(UNKNOWN_SALE)
        copy = await self._offers.read(sale_id, lambda: self._offer(sale_id))
        return document(request, to_json(_offer(copy.value)), copy.headers())

    async def _page(self, wanted: SalesQuery) -> Page:
        return await sales.page(
            self._database, after=wanted.after, state=wanted.state, count=wanted.limit + 1
        )

    async def _offer(self, sale_id: str) -> Offer:
        try:
            sale = await sales.read(self._database, sale_id)
        except sales.NoSuchSale as error:
            raise Refusal(UNKNOWN_SALE) from error
        if sale.state == SaleState.DRAFT:
            raise Refusal(UNKNOWN_SALE)
        return Offer(sale=sale, items=tuple(await sales.read_items(self._database, sale_id)))


def _page(found: Page, wanted: SalesQuery) -> bytes:
    shown = found[: wanted.limit]
    following = _following(wanted, shown[-1]) if len(found) > wanted.limit else None
    return to_json({"items": [_sale(each) for each in shown], "next": following})


def _following(wanted: SalesQuery, last: Sale) -> str:
    return link("/v1/sales", {"limit": wanted.limit, "state": wanted.state, "after": last.id})


def _offer(offer: Offer) -> dict[str, object]:
    return _sale(offer.sale) | {"items": [_item(each) for each in offer.items]}


def _sale(sale: Sale) -> dict[str, object]:
    now_ms = time.time_ns() // 1_000_000
    return {
        "id": sale.id,
        "name": sale.name,
        "state": state_at(sale.state, sale.opens_at_ms, sale.closes_at_ms, now_ms),
        "opens_at": timestamp(sale.opens_at_ms),
        "closes_at": timestamp(sale.closes_at_ms) if sale.closes_at else None,
        "hold_seconds": sale.hold_seconds,
        "currency": sale.currency,
    }


def _item(item: LedgerItem) -> dict[str, object]:
    return {
        "sku": item.sku,
        "name": item.name,
        "price": item.price,
        "limit_per_customer": item.limit_per_customer or None,
    }
