"""What the two stock endpoints take and answer, for the OpenAPI document."""

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field

from gateway import problems
from gateway.openapi.operation import EVENTS, Operation, Parameter, Success, Tag
from gateway.openapi.vocabulary import ETAG, IF_NONE_MATCH, SALE_ID


class ItemStock(BaseModel):
    """How many units of an item are left."""

    sku: str
    available: int


class StockBody(BaseModel):
    """What is left of a sale, at one version of it; `server_time` is now."""

    sale_id: str
    state: Annotated[str, Field(examples=["scheduled", "open", "paused", "closed"])]
    epoch: int
    version: int
    server_time: AwareDatetime
    items: list[ItemStock]


_SKUS: Final = Parameter(
    "sku",
    "query",
    {"type": "array", "items": {"type": "string"}},
    "Only these items; may stand several times.",
)
_SEEN: Final = Parameter(
    "last_event_id",
    "query",
    {"type": "string", "examples": ["1-42"]},
    "The id of the last event received, from any gateway.",
)
_LAST_EVENT_ID: Final = Parameter(
    "Last-Event-ID",
    "header",
    {"type": "string", "examples": ["1-42"]},
    "What a reconnecting EventSource sends; it goes before `last_event_id`.",
)

READ_STOCK: Final = Operation(
    method="GET",
    id="readStock",
    summary="What is left of a sale",
    tag=Tag.SALES,
    parameters=(SALE_ID, _SKUS, _SEEN, _LAST_EVENT_ID, IF_NONE_MATCH),
    successes=(
        Success(status=200, description="The stock, by Redis.", body=StockBody, headers=(ETAG,)),
        Success(status=304, description="It is what you have.", headers=(ETAG,)),
    ),
    problems=(
        problems.UNKNOWN_SALE,
        problems.UNKNOWN_SKU,
        problems.OVERLOADED,
        problems.STOCK_UNVERIFIED,
    ),
)

WATCH_STOCK: Final = Operation(
    method="GET",
    id="watchStock",
    summary="The stock as server-sent events",
    description=(
        "First a `snapshot`, then `stock` events, each with the whole state as `readStock` has it; "
        "`heartbeat` every 15 seconds; `bye` before the server ends the stream. An event's id is "
        "`<epoch>-<version>`. Where there is no room, the stream tells when to come back, and ends."
    ),
    tag=Tag.SALES,
    parameters=(SALE_ID, _SKUS, _SEEN, _LAST_EVENT_ID),
    successes=(
        Success(status=200, description="The events.", body=StockBody, media_type=EVENTS),
        Success(status=204, description="The sale is closed, and you have seen the last of it."),
    ),
    problems=(problems.UNKNOWN_SALE, problems.UNKNOWN_SKU),
)
