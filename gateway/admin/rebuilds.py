"""`/v1/admin/sales/{sale_id}/rebuild`: what a rebuild would change, and a rebuild."""

from dataclasses import asdict
from typing import Final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import shown
from gateway.admin.operators import Operators
from gateway.admin.rebuilding import ItemRehearsal, rebuild, rehearse
from gateway.admin.sales import refusals, sale_id_of
from gateway.openapi import ADMIN, Call, Operation, Success, Tag
from gateway.openapi.vocabulary import SALE_ID
from gateway.problems import UNKNOWN_SALE, WRONG_STATE, Refusal
from lua.server import Server
from lua.store import SaleStore
from sql import sales
from sql.database import Database
from sql.sales import SaleState

# A rebuild takes about 13 us for each order; what takes longer is seen by its new epoch.
WAIT_SECONDS: Final = 10.0


class RehearsalBody(BaseModel):
    """What a rebuild would do. `unread` changes would be read first, as far as they are there.

    Of an item, `after` is `granted` without `active`, the units held and paid by the ledger;
    `before` is what Redis has left, and null where it has no record.
    """

    sale_id: str
    proven: bool
    epoch: int
    redis_epoch: int | None
    version: int
    redis_version: int | None
    unread: int
    reservations: int
    redis_reservations: int | None
    items: list[ItemRehearsal]


class RebuiltBody(BaseModel):
    """The sale in Redis, as it was written anew."""

    sale_id: str
    epoch: int
    version: int
    reservations: int


class RebuildAskedBody(BaseModel):
    """It was asked for, and is not done yet; it will be."""

    sale_id: str


REHEARSE_REBUILD: Final = Operation(
    method="GET",
    id="rehearseRebuild",
    summary="What a rebuild of the sale's Redis state would change; nothing is done",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID,),
    successes=(Success(status=200, description="Number by number.", body=RehearsalBody),),
    problems=(UNKNOWN_SALE, WRONG_STATE),
)

REBUILD_SALE: Final = Operation(
    method="POST",
    id="rebuildSale",
    summary="Write the sale's Redis state anew from the ledger, under the next epoch",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID,),
    successes=(
        Success(status=200, description="It is done.", body=RebuiltBody),
        Success(
            status=202,
            description="It was asked for, and no reconciler has finished it yet.",
            body=RebuildAskedBody,
        ),
    ),
    problems=(UNKNOWN_SALE, WRONG_STATE),
)


class RebuildDesk:
    """The endpoints."""

    def __init__(self, database: Database, redis: Server, operators: Operators) -> None:
        self._database = database
        self._redis = redis
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        path = "/v1/admin/sales/{sale_id}/rebuild"
        return [
            Call(path, self.rehearse, REHEARSE_REBUILD),
            Call(path, self.rebuild, REBUILD_SALE),
        ]

    async def rehearse(self, request: Request) -> Response:
        """What one would do."""
        await self._operators.actor(request)
        sale_id = await self._sale_in_redis(request)
        return shown(asdict(await rehearse(self._database, SaleStore(self._redis, sale_id))))

    async def rebuild(self, request: Request) -> Response:
        """Ask for one, and wait a little for it."""
        actor = await self._operators.actor(request)
        sale_id = await self._sale_in_redis(request)
        record = await rebuild(
            self._database, self._redis, sale_id, actor=actor, seconds=WAIT_SECONDS
        )
        if record is None:
            return shown({"sale_id": sale_id}, status=202)
        return shown(
            {
                "sale_id": sale_id,
                "epoch": record.epoch,
                "version": record.version,
                "reservations": record.reservations,
            }
        )

    async def _sale_in_redis(self, request: Request) -> str:
        sale_id = sale_id_of(request)
        with refusals():
            sale = await sales.read(self._database, sale_id)
        if sale.state == SaleState.DRAFT:
            raise Refusal(WRONG_STATE.because("A draft is in the ledger alone."))
        return sale_id
