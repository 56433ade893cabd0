"""A reservation, as the gateway shows it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Some units of one item; the price is of one unit, in minor units of the currency."""

    sku: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """`state` is `held`, `paid`, `released` or `expired`, or one that a later gateway invents.

    `server_time` is the gateway's clock at the answer: what is left of the hold is
    `expires_at - server_time`, whatever the clock here says.
    """

    id: UUID
    sale_id: str
    state: str
    lines: tuple[Line, ...]
    total: int
    currency: str
    durability: str
    created_at: datetime
    expires_at: datetime
    server_time: datetime
