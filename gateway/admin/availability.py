"""`GET /v1/admin/sales/{sale_id}/availability`: where the units of each item are."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import shown
from gateway.admin.operators import Operators
from gateway.admin.sales import refusals, sale_id_of
from gateway.openapi import ADMIN, Call, Operation, Success, Tag
from gateway.openapi.vocabulary import SALE_ID
from gateway.problems import UNKNOWN_SALE
from gateway.representation import now_ms, timestamp
from lua.faults import RedisFault
from lua.record import Record
from lua.server import Server
from lua.store import SaleStore
from sql import sales
from sql.availability import ItemUnits, Units, read_units
from sql.database import Database
from sql.sales import Sale


class AvailableItem(BaseModel):
    """Granted units are in one of five places, as of the ledger's `version`.

    `available_now` is what Redis has left at `redis_version`; null where it is not proven.
    """

    sku: str
    name: str
    granted: int
    available: int
    held: int
    paid: int
    returning: Annotated[int, Field(description="given back, and not on sale again yet")]
    arriving: Annotated[int, Field(description="granted, and not on sale yet")]
    available_now: int | None


class AvailabilityBody(BaseModel):
    """Where the units are. `lag` counts the changes that the ledger has not read yet."""

    sale_id: str
    state: Annotated[str, Field(examples=["draft", "scheduled", "open", "paused", "closed"])]
    proven: Annotated[bool, Field(description="whether the stock in Redis may be believed")]
    epoch: int
    version: int
    redis_version: int | None
    lag: int | None
    server_time: AwareDatetime
    items: list[AvailableItem]


READ_AVAILABILITY: Final = Operation(
    method="GET",
    id="readAvailability",
    summary="Where the units of each item are: available, held, paid, returning, arriving",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID,),
    successes=(Success(status=200, description="All of it.", body=AvailabilityBody),),
    problems=(UNKNOWN_SALE,),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """A sale in both stores; `record` is None where Redis is not proven, or away."""

    sale: Sale
    units: Units
    record: Record | None

    def document(self) -> dict[str, object]:
        """As the interface tells it."""
        record = self.record
        return {
            "sale_id": self.sale.id,
            "state": record.reported_state if record else self.sale.state,
            "proven": record is not None,
            "epoch": self.units.epoch,
            "version": self.units.version,
            "redis_version": record.version if record else None,
            "lag": max(record.version - self.units.version, 0) if record else None,
            "server_time": timestamp(now_ms()),
            "items": [_item(each, record) for each in self.units.items],
        }


async def proven_record(redis: Server, sale_id: str) -> Record | None:
    """The sale in Redis, where that may be believed."""
    try:
        record = await SaleStore(redis, sale_id).read()
    except RedisFault:
        return None
    return record if record and record.proven else None


def _item(item: ItemUnits, record: Record | None) -> dict[str, object]:
    there = record.items.get(item.sku) if record else None
    return {
        "sku": item.sku,
        "name": item.name,
        "granted": item.granted,
        "available": item.available,
        "held": item.held,
        "paid": item.paid,
        "returning": item.returning,
        "arriving": item.arriving,
        "available_now": there.available if there else None,
    }


class AvailabilityDesk:
    """The endpoint."""

    def __init__(self, database: Database, redis: Server, operators: Operators) -> None:
        self._database = database
        self._redis = redis
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where it is mounted."""
        return [Call("/v1/admin/sales/{sale_id}/availability", self.read, READ_AVAILABILITY)]

    async def read(self, request: Request) -> Response:
        """Where the units are."""
        await self._operators.actor(request)
        sale_id = sale_id_of(request)
        with refusals():
            sale = await sales.read(self._database, sale_id)
        units = await read_units(self._database, sale_id)
        # After the ledger, so that what Redis has is never older than what it is held against.
        record = await proven_record(self._redis, sale_id)
        return shown(Availability(sale=sale, units=units, record=record).document())
