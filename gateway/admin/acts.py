"""`GET /v1/admin/acts`: who did what, and when."""

from dataclasses import asdict
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import page
from gateway.admin.numbers import Number
from gateway.admin.operators import Operators
from gateway.openapi import ADMIN, Call, Operation, Success, Tag
from gateway.query import MAX_ITEMS, Limit, parse_query
from gateway.representation import moment
from sql.acts import Act, list_acts
from sql.database import Database

ACTS: Final = "/v1/admin/acts"

Words = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]


class ActBody(BaseModel):
    """What somebody did: `key:<name>` over HTTP, `cli:<user>` at a command line."""

    id: int
    at: AwareDatetime
    actor: str
    what: Annotated[str, Field(examples=["sale.open", "units.grant"])]
    subject: str
    detail: dict[str, JsonValue]


class ActPage(BaseModel):
    """Some acts; `next` is where the earlier ones are."""

    items: list[ActBody]
    next: str | None


class ActsQuery(BaseModel):
    """Which acts."""

    actor: Words | None = None
    subject: Words | None = None
    limit: Limit = MAX_ITEMS
    after: Number | None = None


LIST_ACTS: Final = Operation(
    method="GET",
    id="listActs",
    summary="What operators did, newest first",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    query=ActsQuery,
    successes=(Success(status=200, description="A page.", body=ActPage),),
)


class ActLog:
    """The endpoint."""

    def __init__(self, database: Database, operators: Operators) -> None:
        self._database = database
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where it is mounted."""
        return [Call(ACTS, self.browse, LIST_ACTS)]

    async def browse(self, request: Request) -> Response:
        """A page of the log, newest first."""
        await self._operators.actor(request)
        wanted = parse_query(request, ActsQuery)
        found = await list_acts(
            self._database,
            actor=wanted.actor,
            subject=wanted.subject,
            before=wanted.after,
            count=wanted.limit + 1,
        )
        return page(
            found,
            limit=wanted.limit,
            document=_document,
            path=ACTS,
            last=lambda act: act.id,
            actor=wanted.actor,
            subject=wanted.subject,
        )


def _document(act: Act) -> dict[str, object]:
    return asdict(act) | {"at": moment(act.at)}
