"""`/v1/admin/alarms`: what must not happen and did, and who has looked into it."""

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import page, shown
from gateway.admin.numbers import ALARM_NUMBER, NumberedQuery, number_of
from gateway.admin.operators import Operators
from gateway.openapi import ADMIN, Call, Link, Operation, Success, Tag
from gateway.problems import UNKNOWN_ALARM, Refusal
from gateway.query import parse_query
from gateway.representation import moment
from sql import alarms
from sql.alarms import Alarm
from sql.database import Database

ALARMS: Final = "/v1/admin/alarms"


class AlarmBody(BaseModel):
    """An alarm; it is open until somebody acknowledges it."""

    id: int
    sale_id: str
    kind: Annotated[str, Field(examples=["rebuilt", "lost", "parked"])]
    what: str
    at: AwareDatetime
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None


class AlarmPage(BaseModel):
    """Some alarms; `next` is where the earlier ones are."""

    items: list[AlarmBody]
    next: str | None


_ACKNOWLEDGE: Final = Link(
    name="acknowledgeAlarm",
    operation_id="acknowledgeAlarm",
    parameters={"id": "$response.body#/items/0/id"},
)

LIST_ALARMS: Final = Operation(
    method="GET",
    id="listAlarms",
    summary="Alarms that nobody has acknowledged, newest first",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    query=NumberedQuery,
    successes=(Success(status=200, description="A page.", body=AlarmPage, links=(_ACKNOWLEDGE,)),),
)

ACKNOWLEDGE_ALARM: Final = Operation(
    method="POST",
    id="acknowledgeAlarm",
    summary="Say that you know why; whoever says so first stays on record",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(ALARM_NUMBER,),
    successes=(Success(status=200, description="The alarm.", body=AlarmBody),),
    problems=(UNKNOWN_ALARM,),
)


class AlarmDesk:
    """The endpoints."""

    def __init__(self, database: Database, operators: Operators) -> None:
        self._database = database
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [
            Call(ALARMS, self.browse, LIST_ALARMS),
            Call(f"{ALARMS}/{{id}}/acknowledge", self.acknowledge, ACKNOWLEDGE_ALARM),
        ]

    async def browse(self, request: Request) -> Response:
        """A page of alarms."""
        await self._operators.actor(request)
        wanted = parse_query(request, NumberedQuery)
        found = await alarms.list_alarms(
            self._database,
            sale_id=wanted.sale_id,
            acknowledged=wanted.all,
            before=wanted.after,
            limit=wanted.limit + 1,
        )
        return page(
            found,
            limit=wanted.limit,
            document=alarm_document,
            path=ALARMS,
            last=lambda each: each.id,
            sale_id=wanted.sale_id,
            all="true" if wanted.all else None,
        )

    async def acknowledge(self, request: Request) -> Response:
        """Acknowledge one."""
        actor = await self._operators.actor(request)
        number = number_of(request, UNKNOWN_ALARM)
        alarm = await alarms.acknowledge(self._database, number, actor=actor)
        if alarm is None:
            raise Refusal(UNKNOWN_ALARM)
        return shown(alarm_document(alarm))


def alarm_document(alarm: Alarm) -> dict[str, object]:
    """As the interface tells it."""
    return {
        "id": alarm.id,
        "sale_id": alarm.sale_id,
        "kind": alarm.kind,
        "what": alarm.what,
        "at": moment(alarm.at),
        "acknowledged_at": moment(alarm.acknowledged_at),
        "acknowledged_by": alarm.acknowledged_by,
    }
