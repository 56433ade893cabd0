"""`/v1/admin/products/{sku}`: create and change products."""

from dataclasses import asdict, replace
from typing import Final

from pydantic import TypeAdapter
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import versioned
from gateway.admin.operators import Operators, body_of
from gateway.admin.preconditions import check
from gateway.admin.product_operations import (
    CHANGE_PRODUCT,
    PUT_PRODUCT,
    READ_PRODUCT_TO_CHANGE,
    ProductChange,
    WholeProduct,
)
from gateway.conditional import etag_of
from gateway.openapi import Call
from gateway.problems import UNKNOWN_SKU, Refusal
from gateway.sales import is_sku
from sql import products
from sql.database import Database
from sql.products import Product

_WHOLE: Final = TypeAdapter(WholeProduct)
_CHANGE: Final = TypeAdapter(ProductChange)


class ProductDesk:
    """The endpoints. A product's ETag is that of what buyers read."""

    def __init__(self, database: Database, operators: Operators) -> None:
        self._database = database
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        one = "/v1/admin/products/{sku}"
        return [
            Call(one, self.read, READ_PRODUCT_TO_CHANGE),
            Call(one, self.put, PUT_PRODUCT),
            Call(one, self.change, CHANGE_PRODUCT),
        ]

    async def read(self, request: Request) -> Response:
        """The product as it is now, and no copy of it."""
        await self._operators.actor(request)
        found = await products.find(self._database, _sku(request))
        if found is None:
            raise Refusal(UNKNOWN_SKU)
        return versioned(asdict(found))

    async def put(self, request: Request) -> Response:
        """Create it, or write it anew."""
        actor = await self._operators.actor(request)
        sku, whole = _sku(request), await body_of(request, _WHOLE)
        is_new = True

        def decide(before: Product | None) -> Product:
            nonlocal is_new
            is_new = before is None
            check(request, _etag(before))
            return whole.to_product(sku)

        written = await products.change(self._database, sku, decide, actor=actor)
        if is_new:
            return versioned(asdict(written), status=201, location=f"/v1/products/{sku}")
        return versioned(asdict(written))

    async def change(self, request: Request) -> Response:
        """Change some of it."""
        actor = await self._operators.actor(request)
        sku, wanted = _sku(request), await body_of(request, _CHANGE)

        def decide(before: Product | None) -> Product:
            if before is None:
                raise Refusal(UNKNOWN_SKU)
            check(request, _etag(before))
            changed = replace(before, **wanted.model_dump(exclude_unset=True))
            return changed if changed.name else replace(changed, name=sku)

        return versioned(asdict(await products.change(self._database, sku, decide, actor=actor)))


def _sku(request: Request) -> str:
    sku: str = request.path_params["sku"]
    if not is_sku(sku):
        raise Refusal(UNKNOWN_SKU)
    return sku


def _etag(product: Product | None) -> str | None:
    return None if product is None else etag_of(to_json(asdict(product)))
