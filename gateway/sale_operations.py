"""What the calls that show sales take and answer."""

from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import AwareDatetime, BaseModel, Field

from gateway.definitions.fields import Name
from gateway.openapi import Link, Operation, Success, Tag
from gateway.openapi.vocabulary import AGE, CACHE_STATUS, ETAG, IF_NONE_MATCH, SALE_ID
from gateway.problems import LEDGER_BEHIND, UNKNOWN_SALE
from gateway.query import MAX_ITEMS, Limit

# The states that buyers meet: the clock adds one, and a draft does not exist for them.
ShownState: TypeAlias = Literal["scheduled", "open", "paused", "closed"]


class SaleItemBody(BaseModel):
    """An item of a sale; no limit is null."""

    sku: str
    name: str
    price: Annotated[int, Field(description="in minor units of the sale's currency")]
    limit_per_customer: int | None


class SaleSummary(BaseModel):
    """A sale, without its items."""

    id: str
    name: str
    state: Annotated[str, Field(examples=list(get_args(ShownState)))]
    opens_at: AwareDatetime
    closes_at: AwareDatetime | None
    hold_seconds: int
    currency: Annotated[str, Field(examples=["EUR"])]


class SaleBody(SaleSummary):
    """A sale, without what is left of it."""

    items: list[SaleItemBody]


class SalePage(BaseModel):
    """Some sales; `next` is where the following ones are."""

    items: list[SaleSummary]
    next: str | None


class SalesQuery(BaseModel):
    """Which sales."""

    state: Annotated[ShownState | None, Field(description="as buyers meet it now")] = None
    limit: Limit = MAX_ITEMS
    after: Annotated[Name | None, Field(description="the last id of the page before")] = None


_SHOWN: Final = (ETAG, AGE, CACHE_STATUS)
_UNCHANGED: Final = Success(status=304, description="It is what you have.", headers=_SHOWN)
_FIRST: Final = Link(
    name="first",
    operation_id="readSale",
    parameters={"sale_id": "$response.body#/items/0/id"},
)

LIST_SALES: Final = Operation(
    method="GET",
    id="listSales",
    summary="Sales, newest first",
    tag=Tag.SALES,
    parameters=(IF_NONE_MATCH,),
    query=SalesQuery,
    successes=(
        Success(status=200, description="A page.", body=SalePage, headers=_SHOWN, links=(_FIRST,)),
        _UNCHANGED,
    ),
    problems=(LEDGER_BEHIND,),
)

READ_SALE: Final = Operation(
    method="GET",
    id="readSale",
    summary="A sale: name, window, items and prices",
    tag=Tag.SALES,
    parameters=(SALE_ID, IF_NONE_MATCH),
    successes=(
        Success(status=200, description="The sale.", body=SaleBody, headers=_SHOWN),
        _UNCHANGED,
    ),
    problems=(UNKNOWN_SALE, LEDGER_BEHIND),
)
