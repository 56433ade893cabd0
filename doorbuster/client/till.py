"""The payment service of a shop."""

from datetime import datetime
from uuid import UUID

from pydantic_core import to_json

from doorbuster.client.caller import Caller
from doorbuster.client.outcome import Refused, Unknown
from doorbuster.client.reservation import Reservation


class Till(Caller):
    """Whoever holds an API key of scope `settle`: sees and settles everybody's reservations."""

    async def confirm(
        self, reservation_id: UUID, payment_reference: str, *, seconds: float | None = None
    ) -> Reservation | Refused | Unknown:
        """Settle as paid. A `Refused` with `refund_required` means that the money goes back."""
        body = to_json({"payment_reference": payment_reference})
        return await self.settle(reservation_id, "confirm", body, seconds)

    async def extend(
        self, reservation_id: UUID, until: datetime, *, seconds: float | None = None
    ) -> Reservation | Refused | Unknown:
        """Let the hold last until then at the earliest, up to the limit of its sale."""
        body = to_json({"until": until})
        return await self.settle(reservation_id, "extend", body, seconds)
