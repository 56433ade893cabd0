"""Everything under `/v1/admin`, composed in one place."""

from typing import Final

from gateway.admin.acts import ActLog
from gateway.admin.alarms import AlarmDesk
from gateway.admin.audits import AuditDesk
from gateway.admin.availability import AvailabilityDesk
from gateway.admin.grants import GrantDesk
from gateway.admin.keys import KeyDesk
from gateway.admin.operators import Operators
from gateway.admin.parked import ParkedDesk
from gateway.admin.products import ProductDesk
from gateway.admin.rebuilds import RebuildDesk
from gateway.admin.reservations import ReservationSearch
from gateway.admin.sale_acts import SaleActs
from gateway.admin.sales import SaleDesk
from gateway.identity import Callers
from gateway.openapi import Call
from lua.server import Server
from sql.database import Database

# An operator's program waits as long as a reconciler needs to take a sale; then it is told 202.
WAIT_SECONDS: Final = 5.0


def routes(database: Database, redis: Server, callers: Callers, *, issuer: str) -> list[Call]:
    """Where administration is mounted; `issuer` is that of the customers' tokens."""
    operators = Operators(callers)
    acts = SaleActs(database, redis, wait_seconds=WAIT_SECONDS)
    return [
        *ProductDesk(database, operators).routes(),
        *SaleDesk(database, acts, operators).routes(),
        *GrantDesk(acts, operators).routes(),
        *AvailabilityDesk(database, redis, operators).routes(),
        *AuditDesk(database, operators).routes(),
        *RebuildDesk(database, redis, operators).routes(),
        *ReservationSearch(database, operators, issuer=issuer).routes(),
        *KeyDesk(database, operators).routes(),
        *AlarmDesk(database, operators).routes(),
        *ParkedDesk(database, operators).routes(),
        *ActLog(database, operators).routes(),
    ]
