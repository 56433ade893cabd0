"""`GET /v1/products`: what there is to sell, in whatever sale."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, TypeAlias

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.conditional import document
from gateway.last_copies import LastCopies
from gateway.openapi import Call
from gateway.problems import UNKNOWN_SKU, Refusal
from gateway.product_operations import LIST_PRODUCTS, READ_PRODUCT, ProductsQuery
from gateway.query import link, parse_query
from gateway.sales import is_sku
from sql import products
from sql.database import Database
from sql.products import Order, Product

# Pages of a hundred products with the longest texts are 40 MB; usual ones a tenth of that.
MAX_PAGES: Final = 128
MAX_PRODUCTS: Final = 4096

# One more than the page has, if there is a next one.
Page: TypeAlias = Sequence[Product]


class Products:
    """The endpoints."""

    def __init__(self, database: Database, turns: asyncio.Semaphore) -> None:
        self._database = database
        self._pages = LastCopies[Page](MAX_PAGES, turns)
        self._products = LastCopies[Product](MAX_PRODUCTS, turns)

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [
            Call("/v1/products", self.browse, LIST_PRODUCTS),
            Call("/v1/products/{sku}", self.read, READ_PRODUCT),
        ]

    async def browse(self, request: Request) -> Response:
        """A page of products."""
        wanted = parse_query(request, ProductsQuery)
        copy = await self._pages.read(wanted.model_dump_json(), lambda: self._page(wanted))
        return document(request, _page(copy.value, wanted), copy.headers())

    async def read(self, request: Request) -> Response:
        """One product."""
        sku = request.path_params["sku"]
        if not is_sku(sku):
            raise Refusal(UNKNOWN_SKU)
        copy = await self._products.read(sku, lambda: self._product(sku))
        return document(request, to_json(asdict(copy.value)), copy.headers())

    async def _page(self, wanted: ProductsQuery) -> Page:
        return await products.page(
            self._database,
            Order(wanted.sort),
            after=wanted.after,
            offset=wanted.offset,
            count=wanted.limit + 1,
        )

    async def _product(self, sku: str) -> Product:
        found = await products.find(self._database, sku)
        if found is None:
            raise Refusal(UNKNOWN_SKU)
        return found


def _page(found: Page, wanted: ProductsQuery) -> bytes:
    shown = found[: wanted.limit]
    following = _following(wanted, shown[-1]) if len(found) > wanted.limit else None
    return to_json({"items": [asdict(each) for each in shown], "next": following})


def _following(wanted: ProductsQuery, last: Product) -> str:
    sort = None if wanted.sort == "sku" else wanted.sort
    return link("/v1/products", {"limit": wanted.limit, "sort": sort, "after": last.sku})
