"""What a checkout takes and answers, for the OpenAPI document."""

from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel

from gateway import problems
from gateway.admission.request import MAX_KEY_LENGTH, CheckoutBody
from gateway.openapi.operation import CUSTOMER, Link, Operation, Parameter, Success, Tag
from gateway.openapi.vocabulary import LOCATION, REPLAYED, RETRY_AFTER, SALE_ID, TRACEPARENT
from gateway.representation import ReservationBody


class PendingBody(BaseModel):
    """Nobody can say yet whether there is this reservation, or how safe it is."""

    id: UUID
    state: Literal["unknown"]


_KEY: Final = Parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!-~]+$"},
    "The customer's name for this checkout: the same key is the same reservation. Bare or quoted.",
)


def _links() -> tuple[Link, ...]:
    named = {"id": "$response.body#/id"}
    return tuple(
        Link(name=operation_id, operation_id=operation_id, parameters=named)
        for operation_id in (
            "readReservation",
            "confirmReservation",
            "extendReservation",
            "releaseReservation",
            "issueTicket",
        )
    )


CHECK_OUT: Final = Operation(
    method="POST",
    id="checkOut",
    summary="Reserve units of one item or of many, all or nothing",
    description=(
        "Decided in one atomic step: stock, limit per customer, window. With an `Idempotency-Key` "
        "it can be repeated: whoever got no answer, or 202, sends the same again."
    ),
    tag=Tag.RESERVATIONS,
    callers=(CUSTOMER,),
    parameters=(SALE_ID, _KEY, TRACEPARENT),
    body=CheckoutBody,
    successes=(
        Success(
            status=201,
            description="Reserved, and as safe as `durability` says.",
            body=ReservationBody,
            headers=(LOCATION,),
            links=_links(),
        ),
        Success(
            status=200,
            description="It was reserved before, by the same key.",
            body=ReservationBody,
            headers=(LOCATION, REPLAYED),
            links=_links(),
        ),
        Success(
            status=202,
            description="Unknown yet: ask for the id, or send the same again with the same key.",
            body=PendingBody,
            headers=(LOCATION, RETRY_AFTER),
        ),
    ),
    problems=(
        problems.UNKNOWN_SALE,
        problems.UNKNOWN_SKU,
        problems.INSUFFICIENT_STOCK,
        problems.PURCHASE_LIMIT_EXCEEDED,
        problems.SALE_NOT_OPEN,
        problems.SALE_PAUSED,
        problems.SALE_CLOSED,
        problems.CART_EMPTY,
        problems.CHANGED,
        problems.IDEMPOTENCY_KEY_REUSED,
        problems.OVERLOADED,
        problems.STOCK_UNVERIFIED,
        problems.DURABILITY_UNPROVEN,
        problems.LEDGER_BEHIND,
    ),
)
