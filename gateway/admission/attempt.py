"""One checkout as it is tried: at the prices of one definition, at one level of durability."""

from dataclasses import dataclass
from uuid import UUID

from pydantic_core import to_json

from gateway.admission.answer import CheckoutRequest, Reserved
from gateway.admission.batcher import Answered
from gateway.admission.durability import Level
from gateway.admission.order import Order
from gateway.representation import Reservation
from lua.admission import Admitted, Checkout, Replayed
from lua.lines import Line, decode, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`reservation` is the id that it gets if it is admitted, in every attempt the same."""

    request: CheckoutRequest
    reservation: UUID
    order: Order
    level: Level

    @property
    def replicas(self) -> int:
        """How many replicas must have it before it is acknowledged."""
        return self.order.definition.proof.replicas if self.level is Level.REPLICATED else 0

    def encode(self) -> Checkout:
        """It as the script takes it."""
        return Checkout(
            reservation=self.reservation.hex,
            customer=self.request.customer.digest,
            fingerprint=self.order.fingerprint,
            lines=encode(self.order.lines),
            context=self._context(),
            terms=self.order.terms,
        )

    def _context(self) -> str:
        """What only the ledger reads."""
        context = {
            "issuer": self.request.customer.issuer,
            "subject": self.request.customer.subject,
            "durability": self.level.label,
        }
        if self.request.traceparent is not None:
            context["traceparent"] = self.request.traceparent
        return to_json(context).decode()

    def admitted(self, outcome: Admitted, answered: Answered) -> Reserved:
        """The answer where it was admitted."""
        reservation = self._reservation(
            state="held",
            lines=self.order.lines,
            version=outcome.version,
            created_at_ms=answered.now_ms,
        )
        return Reserved(reservation=reservation, server_time_ms=answered.now_ms, replayed=False)

    def replayed(self, outcome: Replayed, answered: Answered) -> Reserved:
        """The answer where an earlier request had been admitted."""
        stored = outcome.stored
        reservation = self._reservation(
            state=stored.state,
            lines=decode(stored.lines),
            version=stored.version,
            created_at_ms=stored.created_at_ms,
        )
        return Reserved(reservation=reservation, server_time_ms=answered.now_ms, replayed=True)

    def _reservation(
        self, *, state: str, lines: tuple[Line, ...], version: int, created_at_ms: int
    ) -> Reservation:
        return Reservation(
            id=self.reservation,
            sale_id=self.request.sale_id,
            state=state,
            lines=lines,
            currency=self.order.definition.currency,
            durability=self.level.label,
            version=version,
            created_at_ms=created_at_ms,
            expires_at_ms=created_at_ms + self.order.definition.hold_seconds * 1000,
        )
