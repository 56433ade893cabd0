"""`/v1/admin/reservations`: search them, and see one with all that is known of it."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import page, shown
from gateway.admin.operators import Operators
from gateway.definitions.fields import Name
from gateway.finder import of_ledger
from gateway.identity import Customer
from gateway.openapi import ADMIN, Call, Operation, Success, Tag
from gateway.openapi.vocabulary import RESERVATION_ID
from gateway.problems import UNKNOWN_RESERVATION, Refusal
from gateway.query import MAX_ITEMS, Limit, parse_query, refused
from gateway.representation import ReservationBody, moment, now_ms
from gateway.reservation_call import reservation_id
from sql import reservation_search
from sql.database import Database
from sql.reservation_search import InspectedReservation
from sql.reservations import State

RESERVATIONS: Final = "/v1/admin/reservations"
# As long as a subject or an issuer of a token may be.
Words = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


class CustomerBody(BaseModel):
    """Whose it is, as their token said; null where that could not be read, and was parked."""

    issuer: str | None
    subject: str | None


class InspectedBody(ReservationBody):
    """A reservation with what its customer is not told.

    `refused_payment_reference` is a payment that was told to be refunded.
    """

    customer: CustomerBody
    settled_at: AwareDatetime | None
    payment_reference: str | None
    refused_payment_reference: str | None


class InspectedPage(BaseModel):
    """Some reservations; `next` is where the earlier ones are."""

    items: list[InspectedBody]
    next: str | None


class SearchQuery(BaseModel):
    """Which reservations: those of a sale, of a customer, or of both."""

    sale_id: Name | None = None
    state: Literal["held", "paid", "released", "expired"] | None = None
    customer: Annotated[Words | None, Field(description="the `sub` of their token")] = None
    issuer: Annotated[
        Words | None, Field(description="the `iss` of their token; the gateway's by default")
    ] = None
    limit: Limit = MAX_ITEMS
    after: Annotated[UUID | None, Field(description="the last one of the page before")] = None


SEARCH_RESERVATIONS: Final = Operation(
    method="GET",
    id="searchReservations",
    summary="Reservations of a sale or of a customer, newest first",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    query=SearchQuery,
    successes=(Success(status=200, description="A page.", body=InspectedPage),),
)

INSPECT_RESERVATION: Final = Operation(
    method="GET",
    id="inspectReservation",
    summary="One reservation, as the ledger has it, with its customer and its payments",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(RESERVATION_ID,),
    successes=(Success(status=200, description="The reservation.", body=InspectedBody),),
    problems=(UNKNOWN_RESERVATION,),
)


class ReservationSearch:
    """The endpoints. `issuer` is that of the tokens which this gateway takes."""

    def __init__(self, database: Database, operators: Operators, *, issuer: str) -> None:
        self._database = database
        self._operators = operators
        self._issuer = issuer

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [
            Call(RESERVATIONS, self.search, SEARCH_RESERVATIONS),
            Call(f"{RESERVATIONS}/{{id}}", self.inspect, INSPECT_RESERVATION),
        ]

    async def inspect(self, request: Request) -> Response:
        """One reservation."""
        await self._operators.actor(request)
        found = await reservation_search.inspect(self._database, reservation_id(request))
        if found is None:
            raise Refusal(UNKNOWN_RESERVATION)
        return shown(reservation_document(found))

    async def search(self, request: Request) -> Response:
        """A page of reservations, newest first."""
        await self._operators.actor(request)
        wanted = parse_query(request, SearchQuery)
        found = await (self._of_customer(wanted) if wanted.customer else self._of_sale(wanted))
        return page(
            found,
            limit=wanted.limit,
            document=reservation_document,
            path=RESERVATIONS,
            last=lambda each: each.reservation.id,
            sale_id=wanted.sale_id,
            state=wanted.state,
            customer=wanted.customer,
            issuer=wanted.issuer,
        )

    async def _of_sale(self, wanted: SearchQuery) -> list[InspectedReservation]:
        if wanted.sale_id is None:
            raise refused("sale_id", "One of sale_id and customer is needed.")
        last = await self._last(wanted)
        if last is not None and last.reservation.sale_id != wanted.sale_id:
            raise _foreign()
        return await reservation_search.of_sale(
            self._database,
            wanted.sale_id,
            state=State(wanted.state) if wanted.state else None,
            after=last.reservation.version if last else None,
            count=wanted.limit + 1,
        )

    async def _of_customer(self, wanted: SearchQuery) -> list[InspectedReservation]:
        issuer = wanted.issuer or self._issuer
        customer = Customer(issuer=issuer, subject=wanted.customer or "").digest
        last = await self._last(wanted)
        if last is not None and last.reservation.customer != customer:
            raise _foreign()
        return await reservation_search.of_customer(
            self._database,
            customer,
            sale_id=wanted.sale_id,
            state=State(wanted.state) if wanted.state else None,
            after=(last.reservation.created_at, last.reservation.id) if last else None,
            count=wanted.limit + 1,
        )

    async def _last(self, wanted: SearchQuery) -> InspectedReservation | None:
        if wanted.after is None:
            return None
        last = await reservation_search.inspect(self._database, wanted.after)
        if last is None:
            raise _foreign()
        return last


def _foreign() -> Refusal:
    return refused("after", "It is none of these reservations.")


def reservation_document(found: InspectedReservation) -> dict[str, object]:
    """As the interface tells it."""
    return {
        **of_ledger(found.reservation).reservation.document(now_ms()),
        "customer": {"issuer": found.issuer, "subject": found.subject},
        "settled_at": moment(found.settled_at),
        "payment_reference": found.reservation.payment_reference,
        "refused_payment_reference": found.refused_payment_reference,
    }
