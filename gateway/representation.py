"""The JSON of the interface, where more than one endpoint has to write the same."""

import time
from datetime import datetime
from functools import lru_cache
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import to_json

from lua.lines import Line


class Reservation(NamedTuple):
    """A reservation as its customer sees it; times are milliseconds since 1970.

    `version` is the change of the sale that admitted it. Until the ledger sets the deadline,
    `expires_at_ms` counts the hold from the admission; the ledger never sets an earlier one.
    `replaced_by` is what a payment has paid that came after expiry.
    """

    id: UUID
    sale_id: str
    state: str
    lines: tuple[Line, ...]
    currency: str
    durability: str
    version: int
    created_at_ms: int
    expires_at_ms: int
    replaced_by: UUID | None = None

    @property
    def total(self) -> int:
        """The price of it all, in minor units."""
        return sum(line.quantity * line.unit_price for line in self.lines)

    def document(self, server_time_ms: int) -> dict[str, object]:
        """It as part of a larger document."""
        replaced = {} if self.replaced_by is None else {"replaced_by": str(self.replaced_by)}
        return {
            "id": str(self.id),
            "sale_id": self.sale_id,
            "state": self.state,
            "lines": self.lines,
            "total": self.total,
            "currency": self.currency,
            "durability": self.durability,
            "version": self.version,
            "created_at": timestamp(self.created_at_ms),
            "expires_at": timestamp(self.expires_at_ms),
            **replaced,
            "server_time": timestamp(server_time_ms),
        }

    def to_json(self, server_time_ms: int) -> bytes:
        """The body of every answer that shows one reservation: that document, byte for byte.

        What a rush has in common is encoded once; an id and times need no escapes.
        """
        common = _common(self.sale_id, self.state, self.lines, self.currency, self.durability)
        replaced = f',"replaced_by":"{self.replaced_by}"' if self.replaced_by else ""
        return (
            f'{{"id":"{self.id}",{common},"version":{self.version},'
            f'"created_at":"{timestamp(self.created_at_ms)}",'
            f'"expires_at":"{timestamp(self.expires_at_ms)}"{replaced},'
            f'"server_time":"{timestamp(server_time_ms)}"}}'
        ).encode()


# Few lists of lines are bought again and again. The longest have 10 KB each.
@lru_cache(maxsize=512)
def _common(
    sale_id: str, state: str, lines: tuple[Line, ...], currency: str, durability: str
) -> str:
    """The members that many reservations share, without the braces around them."""
    shared = {
        "sale_id": sale_id,
        "state": state,
        "lines": lines,
        "total": sum(line.quantity * line.unit_price for line in lines),
        "currency": currency,
        "durability": durability,
    }
    return to_json(shared).decode()[1:-1]


class LineBody(BaseModel):
    """Some units of one item, at the price of the moment of the checkout."""

    sku: str
    quantity: int
    unit_price: int


class ReservationBody(BaseModel):
    """A reservation. Amounts are in minor units of the currency; `server_time` is now."""

    id: UUID
    sale_id: str
    state: Annotated[str, Field(examples=["held", "paid", "released", "expired"])]
    lines: list[LineBody]
    total: int
    currency: Annotated[str, Field(examples=["EUR"])]
    durability: Annotated[str, Field(examples=["memory", "fsync", "replicated", "ledger"])]
    version: Annotated[int, Field(description="the change of the sale that admitted it")]
    created_at: AwareDatetime
    expires_at: AwareDatetime
    replaced_by: Annotated[
        UUID | None, Field(description="what was bought instead, by a payment after expiry")
    ] = None
    server_time: AwareDatetime


def now_ms() -> int:
    """This machine's time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def moment(at: datetime | None) -> str | None:
    """A time of the ledger, as `timestamp`."""
    return None if at is None else timestamp(round(at.timestamp() * 1000))


# All who were decided in one call were decided at one time, and each answer has three times in it.
@lru_cache(maxsize=1024)
def timestamp(at_ms: int) -> str:
    """The time as RFC 3339 in UTC with milliseconds: `2026-11-27T09:00:00.000Z`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    to_the_second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{to_the_second}.{milliseconds:03d}Z"
