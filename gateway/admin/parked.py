"""`/v1/admin/parked`: what the ledger refused, and what becomes of it."""

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import page, shown
from gateway.admin.numbers import PARKED_NUMBER, NumberedQuery, number_of
from gateway.admin.operators import Operators, body_of
from gateway.openapi import ADMIN, Call, Link, Operation, Success, Tag
from gateway.problems import STILL_REFUSED, UNKNOWN_PARKED, Refusal
from gateway.query import parse_query
from gateway.representation import moment
from sql import parking
from sql.database import Database
from sql.parking import CannotRetry, NoSuchParked, Parked

PARKED: Final = "/v1/admin/parked"
# As long as a context can be: issuer and subject, durability, traceparent.
MAX_CONTEXT: Final = 4096


class ParkedBody(BaseModel):
    """A record that the ledger refused; what is no text in it is shown with escapes."""

    id: int
    sale_id: str
    kind: Annotated[str, Field(examples=["context", "admission", "lowering"])]
    subject: Annotated[str, Field(description="the reservation, or the request of a lowering")]
    record: str
    reason: str
    parked_at: AwareDatetime
    resolved_at: AwareDatetime | None
    resolved_by: str | None
    resolution: Annotated[str | None, Field(examples=["retried", "discarded"])]
    note: str | None


class ParkedPage(BaseModel):
    """Some parked records; `next` is where the earlier ones are."""

    items: list[ParkedBody]
    next: str | None


class Retry(BaseModel):
    """Take it in as it was, or as `context`: JSON as text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    context: Annotated[str | None, Field(max_length=MAX_CONTEXT)] = None


class Discard(BaseModel):
    """Why the ledger stays as it is without it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
    ]


_RETRY: Final = TypeAdapter(Retry)
_DISCARD: Final = TypeAdapter(Discard)
_ONE: Final = (Success(status=200, description="The record.", body=ParkedBody),)
_INSPECT: Final = Link(
    name="inspectParked",
    operation_id="inspectParked",
    parameters={"id": "$response.body#/items/0/id"},
)

LIST_PARKED: Final = Operation(
    method="GET",
    id="listParked",
    summary="What is parked, newest first",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    query=NumberedQuery,
    successes=(Success(status=200, description="A page.", body=ParkedPage, links=(_INSPECT,)),),
)

INSPECT_PARKED: Final = Operation(
    method="GET",
    id="inspectParked",
    summary="One parked record, with all that it says",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(PARKED_NUMBER,),
    successes=_ONE,
    problems=(UNKNOWN_PARKED,),
)

RETRY_PARKED: Final = Operation(
    method="POST",
    id="retryParked",
    summary="Take a record into the ledger after all; what was dealt with stays as it is",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(PARKED_NUMBER,),
    body=Retry,
    successes=_ONE,
    problems=(UNKNOWN_PARKED, STILL_REFUSED),
)

DISCARD_PARKED: Final = Operation(
    method="POST",
    id="discardParked",
    summary="Leave the ledger as it is without a record; that stays on file",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(PARKED_NUMBER,),
    body=Discard,
    successes=_ONE,
    problems=(UNKNOWN_PARKED,),
)


class ParkedDesk:
    """The endpoints."""

    def __init__(self, database: Database, operators: Operators) -> None:
        self._database = database
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        one = f"{PARKED}/{{id}}"
        return [
            Call(PARKED, self.browse, LIST_PARKED),
            Call(one, self.inspect, INSPECT_PARKED),
            Call(f"{one}/retry", self.retry, RETRY_PARKED),
            Call(f"{one}/discard", self.discard, DISCARD_PARKED),
        ]

    async def browse(self, request: Request) -> Response:
        """A page of parked records."""
        await self._operators.actor(request)
        wanted = parse_query(request, NumberedQuery)
        found = await parking.list_parked(
            self._database,
            sale_id=wanted.sale_id,
            resolved=wanted.all,
            before=wanted.after,
            limit=wanted.limit + 1,
        )
        return page(
            found,
            limit=wanted.limit,
            document=parked_document,
            path=PARKED,
            last=lambda each: each.id,
            sale_id=wanted.sale_id,
            all="true" if wanted.all else None,
        )

    async def inspect(self, request: Request) -> Response:
        """One of them."""
        await self._operators.actor(request)
        found = await parking.find_parked(self._database, number_of(request, UNKNOWN_PARKED))
        if found is None:
            raise Refusal(UNKNOWN_PARKED)
        return shown(parked_document(found))

    async def retry(self, request: Request) -> Response:
        """Take it in, as it was or as it was mended."""
        actor = await self._operators.actor(request)
        number = number_of(request, UNKNOWN_PARKED)
        mended = (await body_of(request, _RETRY)).context
        try:
            done = await parking.retry(self._database, number, actor=actor, mended=mended)
        except NoSuchParked as error:
            raise Refusal(UNKNOWN_PARKED) from error
        except CannotRetry as error:
            raise Refusal(STILL_REFUSED.because(str(error))) from error
        return shown(parked_document(done))

    async def discard(self, request: Request) -> Response:
        """Leave it out."""
        actor = await self._operators.actor(request)
        number = number_of(request, UNKNOWN_PARKED)
        reason = (await body_of(request, _DISCARD)).reason
        try:
            done = await parking.discard(self._database, number, actor=actor, reason=reason)
        except NoSuchParked as error:
            raise Refusal(UNKNOWN_PARKED) from error
        return shown(parked_document(done))


def parked_document(parked: Parked) -> dict[str, object]:
    return {
        "id": parked.id,
        "sale_id": parked.sale_id,
        "kind": parked.kind,
        "subject": parked.subject,
        "record": parked.record.decode(errors="backslashreplace"),
        "reason": parked.reason,
        "parked_at": moment(parked.parked_at),
        "resolved_at": moment(parked.resolved_at),
        "resolved_by": parked.resolved_by,
        "resolution": parked.resolution,
        "note": parked.note,
    }
