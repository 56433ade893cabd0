"""A cart, as the gateway shows it. It holds no stock: only a checkout reserves."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """Some units of one item at today's price, None where the sale no longer has it."""

    sku: str
    quantity: int
    unit_price: int | None
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """What a customer means to buy; it is forgotten at `expires_at`, unless it changes before."""

    sale_id: str
    lines: tuple[CartLine, ...]
    total: int
    currency: str
    expires_at: datetime | None
    server_time: datetime
