"""What the calls on reservations take and answer, for the OpenAPI document."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.openapi import CUSTOMER, SETTLE, Operation, Success, Tag
from gateway.openapi.vocabulary import RESERVATION_ID
from gateway.problems import (
    ALREADY_PAID,
    EXTENSION_LIMIT_REACHED,
    LEDGER_BEHIND,
    RESERVATION_EXPIRED,
    RESERVATION_RELEASED,
    STOCK_UNVERIFIED,
    UNKNOWN_RESERVATION,
)
from gateway.query import MAX_ITEMS, Limit
from gateway.representation import ReservationBody
from gateway.sales import NAME


class Confirmation(BaseModel):
    """The body of a confirm."""

    model_config = ConfigDict(extra="forbid", strict=True)

    payment_reference: Annotated[
        str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")
    ]


# What Postgres can store, in every time zone. Nobody means a time beyond, and any such time stands
# for "as early" or "as late as can be".
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)


def _storable(moment: datetime) -> datetime:
    return min(max(moment, _EARLIEST), _LATEST)


class Extension(BaseModel):
    """The body of an extension: a time and no duration, so that a repetition changes nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    until: Annotated[
        AwareDatetime,
        AfterValidator(_storable),
        Field(description="when the hold ends at the earliest; by our clock, see `server_time`"),
    ]


class ReservationPage(BaseModel):
    """Some of a customer's reservations; `next` is where the following ones are."""

    items: list[ReservationBody]
    next: str | None


class ReservationsQuery(BaseModel):
    """Which of them, and which page."""

    limit: Limit = MAX_ITEMS
    after: Annotated[UUID | None, Field(description="the last one of the page before")] = None
    state: Literal["held", "paid", "released", "expired"] | None = None
    sale_id: Annotated[str | None, Field(pattern=f"^{NAME}$")] = None


_FOUND: Final = Success(status=200, description="The reservation.", body=ReservationBody)
_NOT_FOUND: Final = (UNKNOWN_RESERVATION, LEDGER_BEHIND, STOCK_UNVERIFIED)

READ_RESERVATION: Final = Operation(
    method="GET",
    id="readReservation",
    summary="One reservation, in any state, from the moment of its 201",
    tag=Tag.RESERVATIONS,
    callers=(CUSTOMER, SETTLE),
    parameters=(RESERVATION_ID,),
    successes=(_FOUND,),
    problems=_NOT_FOUND,
)

LIST_RESERVATIONS: Final = Operation(
    method="GET",
    id="listReservations",
    summary="The customer's own reservations, newest first",
    tag=Tag.RESERVATIONS,
    callers=(CUSTOMER,),
    query=ReservationsQuery,
    successes=(Success(status=200, description="A page.", body=ReservationPage),),
    problems=(UNKNOWN_RESERVATION, LEDGER_BEHIND),
)

CONFIRM_RESERVATION: Final = Operation(
    method="POST",
    id="confirmReservation",
    summary="Settle a reservation as paid",
    description=(
        "The same payment may be told again. After expiry the same is bought again, if it can be, "
        "and the answer is the new reservation. `refund_required` says to give the money back."
    ),
    tag=Tag.RESERVATIONS,
    callers=(SETTLE,),
    parameters=(RESERVATION_ID,),
    body=Confirmation,
    successes=(_FOUND,),
    problems=(*_NOT_FOUND, ALREADY_PAID, RESERVATION_EXPIRED, RESERVATION_RELEASED),
)

EXTEND_RESERVATION: Final = Operation(
    method="POST",
    id="extendReservation",
    summary="Let a hold last longer, up to the limit of its sale",
    description="It never becomes shorter, and may be told again.",
    tag=Tag.RESERVATIONS,
    callers=(SETTLE,),
    parameters=(RESERVATION_ID,),
    body=Extension,
    successes=(_FOUND,),
    problems=(
        *_NOT_FOUND,
        ALREADY_PAID,
        RESERVATION_EXPIRED,
        RESERVATION_RELEASED,
        EXTENSION_LIMIT_REACHED,
    ),
)

RELEASE_RESERVATION: Final = Operation(
    method="POST",
    id="releaseReservation",
    summary="Give a hold up",
    description="It may be told again.",
    tag=Tag.RESERVATIONS,
    callers=(CUSTOMER, SETTLE),
    parameters=(RESERVATION_ID,),
    successes=(_FOUND,),
    problems=(*_NOT_FOUND, ALREADY_PAID, RESERVATION_EXPIRED),
)
