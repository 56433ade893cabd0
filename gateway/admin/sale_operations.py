"""What the calls that define sales, and steer them, take and answer."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.definitions.fields import MAX_UNITS, Name
from gateway.definitions.sale import SaleChange, SaleDocument
from gateway.openapi import ADMIN, Header, Link, Operation, Parameter, Success, Tag
from gateway.openapi.vocabulary import ETAG, IF_MATCH, REPLAYED, SALE_ID, SKU
from gateway.problems import (
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_STOCK,
    MALFORMED,
    NOT_CHANGEABLE,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
    SALE_EXISTS,
    STOCK_UNVERIFIED,
    UNKNOWN_SALE,
    UNKNOWN_SKU,
    WRONG_STATE,
)
from gateway.query import MAX_ITEMS, Limit

State: TypeAlias = Literal["draft", "open", "paused", "closed"]
SaleAct: TypeAlias = Literal["open", "pause", "resume", "close"]


class DefinedItem(BaseModel):
    """An item; `units` are those that are granted, `limit_per_customer` 0 means none."""

    sku: str
    name: str
    price: int
    units: int
    limit_per_customer: int


class DefinedSaleSummary(BaseModel):
    """A sale without its items, and its state in the ledger."""

    id: str
    name: str
    state: Annotated[str, Field(examples=["draft", "open", "paused", "closed"])]
    opens_at: AwareDatetime
    closes_at: AwareDatetime | None
    hold_seconds: int
    max_hold_seconds: int
    currency: str
    durability: Annotated[str | None, Field(description="null: the gateway's")]


class DefinedSaleBody(DefinedSaleSummary):
    """A sale as it is defined, in the terms of its file, and its state in the ledger."""

    items: list[DefinedItem]


class DefinedSalePage(BaseModel):
    """Some sales; `next` is where the following ones are."""

    items: list[DefinedSaleSummary]
    next: str | None


class DefinedSalesQuery(BaseModel):
    """Which sales."""

    state: Annotated[State | None, Field(description="as the ledger has it")] = None
    limit: Limit = MAX_ITEMS
    after: Annotated[Name | None, Field(description="the last id of the page before")] = None


class Grant(BaseModel):
    """Units for an item, or, where `delta` is negative, units to be taken out of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    delta: Annotated[
        int, Field(ge=-MAX_UNITS, le=MAX_UNITS, json_schema_extra={"not": {"const": 0}})
    ]
    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
    ]


class GrantBody(BaseModel):
    """What was granted or taken out, and by whom.

    `saved` is done in one of the stores, and the other will follow; of what is `unknown`, the same
    request with the same key finds out.
    """

    state: Annotated[str, Field(examples=["done", "saved", "unknown"])]
    sale_id: str
    sku: str
    delta: int
    reason: str
    actor: str


_SALE: Final = Success(
    status=200, description="The sale as it is now.", body=DefinedSaleBody, headers=(ETAG,)
)
_LATER: Final = Success(
    status=202,
    description="It is done in the ledger, and no reconciler has told Redis yet.",
    body=DefinedSaleBody,
    headers=(ETAG,),
)
_GRANT_KEY: Final = Parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
    "The operator's name for this grant: the same key is the same grant.",
    required=True,
)
_LINKS: Final = tuple(
    Link(name=name, operation_id=name, parameters={"sale_id": "$response.body#/id"})
    for name in ("readDefinedSale", "openSale", "readAvailability", "auditSale", "rehearseRebuild")
)

CREATE_SALE: Final = Operation(
    method="POST",
    id="createSale",
    summary="Create a sale as a draft, from what its file would say",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    body=SaleDocument,
    successes=(
        Success(
            status=201,
            description="It is a draft: no buyer sees it.",
            body=DefinedSaleBody,
            headers=(ETAG, Header("Location", "Where it can be read and changed.")),
            links=_LINKS,
        ),
        Success(
            status=200,
            description="It was created before, from the same document.",
            body=DefinedSaleBody,
            headers=(ETAG,),
        ),
    ),
    problems=(SALE_EXISTS,),
)

LIST_DEFINED_SALES: Final = Operation(
    method="GET",
    id="listDefinedSales",
    summary="Sales, drafts too, newest first",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    query=DefinedSalesQuery,
    successes=(Success(status=200, description="A page.", body=DefinedSalePage),),
)

READ_DEFINED_SALE: Final = Operation(
    method="GET",
    id="readDefinedSale",
    summary="A sale as it is defined, with the ETag that changes it",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID,),
    successes=(_SALE,),
    problems=(UNKNOWN_SALE,),
)

CHANGE_SALE: Final = Operation(
    method="PATCH",
    id="changeSale",
    summary="Change a draft, or the name and window of an opened sale",
    description=(
        "Prices, limits and terms of an opened sale stay as they are; its units have a way of "
        "their own, the grants. The window of a closed sale stays as it is."
    ),
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID, IF_MATCH),
    body=SaleChange,
    successes=(_SALE, _LATER),
    problems=(
        UNKNOWN_SALE,
        NOT_CHANGEABLE,
        WRONG_STATE,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
    ),
)


def steer(act: SaleAct, summary: str) -> Operation:
    """The operation of one act. It may be told again."""
    return Operation(
        method="POST",
        id=f"{act}Sale",
        summary=summary,
        tag=Tag.ADMINISTRATION,
        callers=(ADMIN,),
        parameters=(SALE_ID,),
        successes=(_SALE, _LATER),
        problems=(UNKNOWN_SALE, WRONG_STATE),
    )


STEERING: Final[dict[SaleAct, Operation]] = {
    "open": steer("open", "Open a draft: within its window it can be bought from"),
    "pause": steer("pause", "Stop admitting for a while; holds and payments go on"),
    "resume": steer("resume", "Admit again"),
    "close": steer("close", "Stop admitting for good; holds and payments go on"),
}

GRANT_UNITS: Final = Operation(
    method="POST",
    id="grantUnits",
    summary="Add units to an item, or take out what is not sold",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID, SKU, _GRANT_KEY),
    body=Grant,
    successes=(
        Success(status=201, description="Done.", body=GrantBody),
        Success(
            status=200,
            description="It was done before, under the same key.",
            body=GrantBody,
            headers=(REPLAYED,),
        ),
        Success(
            status=202,
            description="`saved`, or `unknown`.",
            body=GrantBody,
        ),
    ),
    problems=(
        MALFORMED,
        UNKNOWN_SALE,
        UNKNOWN_SKU,
        INSUFFICIENT_STOCK,
        WRONG_STATE,
        IDEMPOTENCY_KEY_REUSED,
        STOCK_UNVERIFIED,
    ),
)
