"""Everything under `/v1/admin`, composed in one place."""

from typing import Final

from gateway.admin.acts import ActLog
from gateway.admin.grants import GrantDesk
from gateway.admin.operators import Operators
from gateway.admin.products import ProductDesk
from gateway.admin.sale_acts import SaleActs
from gateway.admin.sales import SaleDesk
from gateway.identity import Callers
from gateway.openapi import Call
from lua.server import Server
from sql.database import Database

# An operator's program waits as long as a reconciler needs to take a sale; then it is told 202.
WAIT_SECONDS: Final = 5.0


def routes(database: Database, redis: Server, callers: Callers) -> list[Call]:
    """Where administration is mounted."""
    operators = Operators(callers)
    acts = SaleActs(database, redis, wait_seconds=WAIT_SECONDS)
    return [
        *ProductDesk(database, operators).routes(),
        *SaleDesk(database, acts, operators).routes(),
        *GrantDesk(acts, operators).routes(),
        *ActLog(database, operators).routes(),
    ]
