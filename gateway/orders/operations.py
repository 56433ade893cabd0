"""What the calls on order events take and answer, for the OpenAPI document."""

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field

from gateway.openapi import CUSTOMER, TICKET, Operation, Parameter, Success, Tag
from gateway.openapi.operation import EVENTS
from gateway.openapi.vocabulary import RESERVATION_ID
from gateway.problems import LEDGER_BEHIND, STOCK_UNVERIFIED, UNKNOWN_RESERVATION
from gateway.representation import ReservationBody


class TicketBody(BaseModel):
    """What an EventSource shows as `?ticket=`, because it can send no header. A secret."""

    ticket: str
    expires_at: Annotated[AwareDatetime, Field(description="when no stream can be opened with it")]


_SEEN: Final = Parameter(
    "last_event_id", "query", {"type": "string"}, "The id of the last event received."
)
_LAST_EVENT_ID: Final = Parameter(
    "Last-Event-ID",
    "header",
    {"type": "string", "examples": ["committed-1796000000000"]},
    "What a reconnecting EventSource sends; it goes before `last_event_id`.",
)

WATCH_RESERVATION: Final = Operation(
    method="GET",
    id="watchReservation",
    summary="What becomes of a reservation, as server-sent events",
    description=(
        "`held` until the ledger has it, `committed`, `extended` when its deadline moves, and one "
        "of `paid`, `released` and `expired`, after which the stream ends. Each has the whole "
        "reservation, as `readReservation` has it. `heartbeat` every 15 seconds; `bye` before the "
        "server ends the stream. Where there is no room, the stream tells when to come back, and "
        "ends."
    ),
    tag=Tag.RESERVATIONS,
    callers=(CUSTOMER, TICKET),
    parameters=(RESERVATION_ID, _SEEN, _LAST_EVENT_ID),
    successes=(
        Success(status=200, description="The events.", body=ReservationBody, media_type=EVENTS),
        Success(status=204, description="The state is final, and you have seen it."),
    ),
    problems=(UNKNOWN_RESERVATION,),
)

ISSUE_TICKET: Final = Operation(
    method="POST",
    id="issueTicket",
    summary="A ticket with which an EventSource can watch the reservation",
    description="It is good for a minute, for this reservation, and for nothing but reading.",
    tag=Tag.RESERVATIONS,
    callers=(CUSTOMER,),
    parameters=(RESERVATION_ID,),
    successes=(Success(status=200, description="The ticket.", body=TicketBody),),
    problems=(UNKNOWN_RESERVATION, LEDGER_BEHIND, STOCK_UNVERIFIED),
)
