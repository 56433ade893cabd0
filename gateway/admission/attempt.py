"""One checkout as it is tried: at the prices of one definition, at one level of durability."""

from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from pydantic_core import to_json

from gateway.admission.answer import CheckoutRequest, Reserved
from gateway.admission.batcher import Answered
from gateway.admission.order import Order
from gateway.admission.price_list import PriceList
from gateway.representation import Reservation
from lua.admission import Admitted, Checkout, Replayed
from lua.lines import Line, decode


class Attempt(NamedTuple):
    """`reservation` is the id that it gets if it is admitted, in every attempt the same."""

    request: CheckoutRequest
    reservation: UUID
    order: Order
    prices: PriceList

    def encode(self) -> Checkout:
        """It as the script takes it."""
        return Checkout(
            reservation=self.reservation.hex,
            customer=self.request.customer.digest,
            fingerprint=self.order.fingerprint,
            lines=self.order.encoded,
            context=self._context(),
            terms=self.order.terms,
        )

    def _context(self) -> str:
        """What only the ledger reads."""
        customer, traceparent = self.request.customer, self.request.traceparent
        issuer, subject = _issuer(customer.issuer), to_json(customer.subject).decode()
        # Labels and traces need no escapes.
        traced = "" if traceparent is None else f',"traceparent":"{traceparent}"'
        durability = self.prices.label
        return f'{{"issuer":{issuer},"subject":{subject},"durability":"{durability}"{traced}}}'

    def admitted(self, outcome: Admitted, answered: Answered) -> Reserved:
        """The answer where it was admitted."""
        reservation = self._reservation(
            state="held",
            lines=self.order.lines,
            version=outcome.version,
            created_at_ms=answered.call.now_ms,
        )
        return Reserved(
            reservation=reservation, server_time_ms=answered.call.now_ms, replayed=False
        )

    def replayed(self, outcome: Replayed, answered: Answered) -> Reserved:
        """The answer where an earlier request had been admitted."""
        stored = outcome.stored
        reservation = self._reservation(
            state=stored.state,
            lines=decode(stored.lines),
            version=stored.version,
            created_at_ms=stored.created_at_ms,
        )
        now_ms = answered.call.now_ms
        return Reserved(reservation=reservation, server_time_ms=now_ms, replayed=True)

    def _reservation(
        self, *, state: str, lines: tuple[Line, ...], version: int, created_at_ms: int
    ) -> Reservation:
        return Reservation(
            id=self.reservation,
            sale_id=self.request.sale_id,
            state=state,
            lines=lines,
            currency=self.order.definition.currency,
            durability=self.prices.label,
            version=version,
            created_at_ms=created_at_ms,
            expires_at_ms=created_at_ms + self.order.definition.hold_seconds * 1000,
        )


# A gateway trusts one issuer.
@lru_cache(maxsize=16)
def _issuer(issuer: str) -> str:
    return to_json(issuer).decode()
