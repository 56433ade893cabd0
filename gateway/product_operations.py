"""What the calls on products take and answer."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from gateway.definitions.fields import Name
from gateway.openapi import Link, Operation, Success, Tag
from gateway.openapi.vocabulary import AGE, CACHE_STATUS, ETAG, IF_NONE_MATCH, SKU
from gateway.problems import LEDGER_BEHIND, UNKNOWN_SKU
from gateway.query import DIGITS, MAX_ITEMS, Limit

# Postgres walks over all that it passes over; a deeper place is reached by `next`.
MAX_OFFSET: Final = 10_000


class ProductBody(BaseModel):
    """A product; its price is the usual one, a sale has prices of its own."""

    sku: str
    name: str
    price: Annotated[int, Field(description="in minor units of the shop's currency")]
    description: str | None
    image_url: str | None


class ProductPage(BaseModel):
    """Some products; `next` is where the following ones are."""

    items: list[ProductBody]
    next: str | None


class ProductsQuery(BaseModel):
    """Which products, and in which order; a minus sign turns it around."""

    limit: Limit = MAX_ITEMS
    offset: Annotated[
        int, Field(ge=0, le=MAX_OFFSET, description="how many to pass over"), DIGITS
    ] = 0
    sort: Literal["sku", "-sku", "name", "-name", "price", "-price"] = "sku"
    after: Annotated[Name | None, Field(description="the last sku of the page before")] = None


_SHOWN: Final = (ETAG, AGE, CACHE_STATUS)
_UNCHANGED: Final = Success(status=304, description="It is what you have.", headers=_SHOWN)

LIST_PRODUCTS: Final = Operation(
    method="GET",
    id="listProducts",
    summary="Products, sorted by sku, name or price",
    tag=Tag.PRODUCTS,
    parameters=(IF_NONE_MATCH,),
    query=ProductsQuery,
    successes=(
        Success(
            status=200,
            description="A page.",
            body=ProductPage,
            headers=_SHOWN,
            links=(
                Link(
                    name="first",
                    operation_id="readProduct",
                    parameters={"sku": "$response.body#/items/0/sku"},
                ),
            ),
        ),
        _UNCHANGED,
    ),
    problems=(LEDGER_BEHIND,),
)

READ_PRODUCT: Final = Operation(
    method="GET",
    id="readProduct",
    summary="One product",
    tag=Tag.PRODUCTS,
    parameters=(SKU, IF_NONE_MATCH),
    successes=(
        Success(status=200, description="The product.", body=ProductBody, headers=_SHOWN),
        _UNCHANGED,
    ),
    problems=(UNKNOWN_SKU, LEDGER_BEHIND),
)
