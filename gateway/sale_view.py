"""`GET /v1/sales/{sale_id}`: what a buyer may know of a sale, by the ledger."""

import time
from hashlib import sha256
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.openapi import Call, Operation, Success, Tag
from gateway.openapi.vocabulary import ETAG, IF_NONE_MATCH, SALE_ID
from gateway.problems import LEDGER_BEHIND, UNKNOWN_SALE, Refusal
from gateway.representation import timestamp
from gateway.sales import is_sale_id
from lua.record import state_at
from sql import sales
from sql.database import Database
from sql.faults import LedgerFault
from sql.sales import LedgerItem, Sale, SaleState


class SaleItemBody(BaseModel):
    """An item of a sale; no limit is null."""

    sku: str
    name: str
    price: Annotated[int, Field(description="in minor units of the sale's currency")]
    limit_per_customer: int | None


class SaleBody(BaseModel):
    """A sale, without what is left of it."""

    id: str
    name: str
    state: Annotated[str, Field(examples=["scheduled", "open", "paused", "closed"])]
    opens_at: AwareDatetime
    closes_at: AwareDatetime | None
    hold_seconds: int
    currency: Annotated[str, Field(examples=["EUR"])]
    items: list[SaleItemBody]


READ_SALE: Final = Operation(
    method="GET",
    id="readSale",
    summary="A sale: name, window, items and prices",
    tag=Tag.SALES,
    parameters=(SALE_ID, IF_NONE_MATCH),
    successes=(
        Success(status=200, description="The sale.", body=SaleBody, headers=(ETAG,)),
        Success(status=304, description="It is what you have.", headers=(ETAG,)),
    ),
    problems=(UNKNOWN_SALE, LEDGER_BEHIND),
)


class SaleView:
    """The endpoint. What is left of each item is the stock's to tell, not the ledger's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Call]:
        """Where it is mounted."""
        return [Call("/v1/sales/{sale_id}", self.read, READ_SALE)]

    async def read(self, request: Request) -> Response:
        """The sale and its items; a draft does not exist for the public."""
        sale_id = request.path_params["sale_id"]
        if not is_sale_id(sale_id):
            raise Refusal(UNKNOWN_SALE)
        try:
            sale = await sales.read(self._database, sale_id)
            items = await sales.read_items(self._database, sale_id)
        except sales.NoSuchSale as error:
            raise Refusal(UNKNOWN_SALE) from error
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        if sale.state == SaleState.DRAFT:
            raise Refusal(UNKNOWN_SALE)
        return _answer(request, _document(sale, items))


def _answer(request: Request, body: bytes) -> Response:
    etag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _document(sale: Sale, items: list[LedgerItem]) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    return to_json(
        {
            "id": sale.id,
            "name": sale.name,
            "state": state_at(sale.state, sale.opens_at_ms, sale.closes_at_ms, now_ms),
            "opens_at": timestamp(sale.opens_at_ms),
            "closes_at": timestamp(sale.closes_at_ms) if sale.closes_at else None,
            "hold_seconds": sale.hold_seconds,
            "currency": sale.currency,
            "items": [
                {
                    "sku": item.sku,
                    "name": item.name,
                    "price": item.price,
                    "limit_per_customer": item.limit_per_customer or None,
                }
                for item in items
            ],
        }
    )
