"""Takes a checkout from a parsed request to an answer; the decision itself is the script's."""

import asyncio
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from pydantic_core import to_json

from gateway.admission.batcher import Answered, Batcher, NotVerified, Overloaded, Undetermined
from gateway.admission.definition import LOOK_AGAIN_SECONDS, Definition, DefinitionReader
from gateway.admission.refusals import refusal
from gateway.admission.request import Wanted
from gateway.admission.reservation_id import derive, fingerprint, random_id
from gateway.identity import Customer
from gateway.problems import (
    CHANGED,
    OVERLOADED,
    STOCK_UNVERIFIED,
    UNKNOWN_SALE,
    UNKNOWN_SKU,
    Problem,
)
from gateway.representation import Reservation
from gateway.sales import SaleLookup
from lua.admission import Admitted, Changed, Checkout, Replayed
from lua.faults import RedisFault
from lua.lines import Line, decode, encode
from lua.server import Server
from lua.store import SaleStore

# Prices that move again while we read them move too fast to be bought at.
ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """A customer's wish, parsed and authenticated."""

    sale_id: str
    customer: Customer
    idempotency_key: str | None
    wanted: Wanted
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """There is a reservation; `replayed` says that an earlier request had made it."""

    reservation: Reservation
    server_time_ms: int
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Nobody can say yet whether there is a reservation of this id: ask for it."""

    id: UUID


Answer: TypeAlias = Reserved | Pending | Problem


class SaleDesk:
    """What one sale needs: its definition, and the line of those who wait."""

    def __init__(self, store: SaleStore, batcher: Batcher) -> None:
        self.definitions = DefinitionReader(store)
        self.batcher = batcher

    async def definition(self) -> Definition | None:
        """The definition of the epoch that the batcher is in. Raises a RedisFault."""
        known = self.definitions.known
        if known is None or known.epoch < self.batcher.epoch:
            known = await self.definitions.read(unless_younger_seconds=LOOK_AGAIN_SECONDS)
        if known is not None:
            self.batcher.learn(known.epoch)
        return known


class Desk:
    """Takes checkouts of every sale."""

    def __init__(
        self,
        server: Server,
        tasks: asyncio.TaskGroup,
        lookup: SaleLookup,
        *,
        deadline_seconds: float,
    ) -> None:
        self._server = server
        self._tasks = tasks
        self._lookup = lookup
        self._deadline_seconds = deadline_seconds
        self._sales: dict[str, SaleDesk] = {}

    async def checkout(self, request: CheckoutRequest) -> Answer:
        """The answer to a checkout."""
        reservation = _reservation_id(request)
        for _ in range(ATTEMPTS):
            answer = await self._attempt(request, reservation)
            if answer is not CHANGED:
                break
        return answer

    async def _attempt(self, request: CheckoutRequest, reservation: UUID) -> Answer:
        sale = self._sale(request.sale_id)
        try:
            definition = await sale.definition()
            if definition is not None and _unknown(request, definition):
                definition = await sale.definitions.read(unless_younger_seconds=LOOK_AGAIN_SECONDS)
        except RedisFault:
            return STOCK_UNVERIFIED
        if definition is None:
            return await self._no_definition(request.sale_id)
        if unknown := _unknown(request, definition):
            return UNKNOWN_SKU.because(f"The sale has no {unknown}.", sku=unknown)
        return await _decide(sale, definition, request, reservation)

    def _sale(self, sale_id: str) -> SaleDesk:
        sale = self._sales.get(sale_id)
        if sale is None:
            store = SaleStore(self._server, sale_id)
            seconds = self._deadline_seconds
            sale = SaleDesk(store, Batcher(store, self._tasks, deadline_seconds=seconds))
            self._sales[sale_id] = sale
        return sale

    async def _no_definition(self, sale_id: str) -> Problem:
        """Redis has no such sale: there is none, or it was lost there."""
        del self._sales[sale_id]
        known = await self._lookup(sale_id)
        return UNKNOWN_SALE if known is False else STOCK_UNVERIFIED


def _reservation_id(request: CheckoutRequest) -> UUID:
    if request.idempotency_key is None:
        return random_id(request.sale_id)
    customer = request.customer
    return derive(customer.issuer, customer.subject, request.sale_id, request.idempotency_key)


def _unknown(request: CheckoutRequest, definition: Definition) -> str | None:
    return next((sku for sku, _ in request.wanted if sku not in definition.prices), None)


async def _decide(
    sale: SaleDesk, definition: Definition, request: CheckoutRequest, reservation: UUID
) -> Answer:
    lines = _priced(request.wanted, definition)
    checkout = Checkout(
        reservation=reservation.hex,
        customer=request.customer.digest,
        fingerprint=fingerprint(request.wanted),
        lines=encode(lines),
        context=_context(request, definition),
    )
    verdict = await sale.batcher.decide(checkout, len(lines))
    match verdict:
        case Answered():
            if isinstance(verdict.outcome, Changed):
                await sale.definitions.read()
            return _answer(request.sale_id, reservation, lines, definition, verdict)
        case NotVerified():
            return STOCK_UNVERIFIED
        case Overloaded():
            return OVERLOADED
        case Undetermined():
            return Pending(id=reservation)


def _priced(wanted: Wanted, definition: Definition) -> tuple[Line, ...]:
    return tuple(
        Line(sku=sku, quantity=quantity, unit_price=definition.prices[sku])
        for sku, quantity in wanted
    )


def _context(request: CheckoutRequest, definition: Definition) -> str:
    """What only the ledger reads."""
    context = {
        "issuer": request.customer.issuer,
        "subject": request.customer.subject,
        "durability": definition.durability,
    }
    if request.traceparent is not None:
        context["traceparent"] = request.traceparent
    return to_json(context).decode()


def _answer(
    sale_id: str,
    reservation: UUID,
    lines: tuple[Line, ...],
    definition: Definition,
    answered: Answered,
) -> Answer:
    outcome = answered.outcome
    if isinstance(outcome, Admitted):
        state, version, created_at_ms = "held", outcome.version, answered.now_ms
    elif isinstance(outcome, Replayed):
        stored = outcome.stored
        state, version, created_at_ms = stored.state, stored.version, stored.created_at_ms
        lines = decode(stored.lines)
    else:
        return refusal(outcome, definition, answered.now_ms)
    return Reserved(
        reservation=Reservation(
            id=reservation,
            sale_id=sale_id,
            state=state,
            lines=lines,
            currency=definition.currency,
            durability=definition.durability,
            version=version,
            created_at_ms=created_at_ms,
            expires_at_ms=created_at_ms + definition.hold_seconds * 1000,
        ),
        server_time_ms=answered.now_ms,
        replayed=isinstance(outcome, Replayed),
    )
