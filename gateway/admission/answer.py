"""A checkout as the desk takes it, and what it answers."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias
from uuid import UUID

from gateway.admission.request import CustomersCart, Wanted
from gateway.identity import Customer
from gateway.problems import Problem
from gateway.representation import Reservation
from lua.lines import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidLate:
    """A payment came after `expired` had: what it had is bought again, at what was paid for it."""

    expired: UUID
    lines: tuple[Line, ...]


class CheckoutRequest(NamedTuple):
    """A customer's wish, parsed and authenticated; or a payment's, which came after expiry.

    It has been here whole `since` then, as `perf_counter()` tells it.
    """

    sale_id: str
    customer: Customer
    idempotency_key: str | None
    wanted: Wanted | CustomersCart | PaidLate
    traceparent: str | None
    since: float


class Reserved(NamedTuple):
    """There is a reservation; `replayed` says that an earlier request had made it."""

    reservation: Reservation
    server_time_ms: int
    replayed: bool


class Pending(NamedTuple):
    """Nobody can say yet whether there is a reservation of this id, or how safe it is: ask."""

    id: UUID


Answer: TypeAlias = Reserved | Pending | Problem
