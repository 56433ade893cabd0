"""Takes one checkout of one sale from a request to an answer; the decision is the script's."""

import asyncio
from uuid import UUID

from gateway.admission.answer import Answer, CheckoutRequest, PaidLate, Pending, Reserved
from gateway.admission.attempt import Attempt
from gateway.admission.batcher import Answered, Batcher, NotVerified, Overloaded, Undetermined
from gateway.admission.commits import Commits
from gateway.admission.definition import (
    LOOK_AGAIN_SECONDS,
    REFRESH_SECONDS,
    Definition,
    DefinitionReader,
)
from gateway.admission.durability import Level, is_proven
from gateway.admission.order import Order
from gateway.admission.refusals import refusal
from gateway.admission.request import CustomersCart, Wanted
from gateway.counts import AdmissionCounts
from gateway.identity import Customer
from gateway.problems import (
    DURABILITY_UNPROVEN,
    OVERLOADED,
    STOCK_UNVERIFIED,
    UNKNOWN_SKU,
    Problem,
)
from lua.admission import Admitted, Changed, Replayed
from lua.carts import Carts, NoRecord
from lua.faults import RedisFault
from lua.store import SaleStore


class SaleDesk:
    """One sale: what is known of it, the line of those who wait, and the ledger's progress."""

    def __init__(
        self,
        store: SaleStore,
        carts: Carts,
        tasks: asyncio.TaskGroup,
        counts: AdmissionCounts,
        *,
        level: Level,
        deadline_seconds: float,
    ) -> None:
        self._sale_id = store.sale_id
        self._carts = carts
        self._definitions = DefinitionReader(store)
        self._batcher = Batcher(store, tasks, counts, deadline_seconds=deadline_seconds)
        self._commits = Commits(store, tasks)
        self._level = level
        self._deadline_seconds = deadline_seconds

    async def checkout(self, request: CheckoutRequest, reservation: UUID) -> Answer | None:
        """The answer; None where Redis has no record of the sale.

        It is CHANGED where a price or the cart moved, and then worth another call.
        """
        try:
            order = await self._order(request)
        except RedisFault:
            return STOCK_UNVERIFIED
        if not isinstance(order, Order):
            return order
        level = max(self._level, order.definition.wanted_level)
        if not is_proven(level, order.definition.proof):
            return DURABILITY_UNPROVEN.because(f"Redis cannot keep the level {level.label}.")
        attempt = Attempt(request=request, reservation=reservation, order=order, level=level)
        return await self._decide(attempt)

    async def _order(self, request: CheckoutRequest) -> Order | Problem | None:
        """What is to be decided. Raises a RedisFault."""
        if isinstance(request.wanted, CustomersCart):
            return await self._order_of_cart(request.customer)
        if isinstance(request.wanted, PaidLate):
            return await self._order_of_late_payment(request.wanted)
        definition = await self._definition(request.wanted)
        if definition is None:
            return None
        if unknown := _unknown(request.wanted, definition):
            return UNKNOWN_SKU.because(f"The sale has no {unknown}.", sku=unknown)
        return Order.of_lines(request.wanted, definition)

    async def _order_of_cart(self, customer: Customer) -> Order | None:
        definition = await self._definition(())
        cart = await self._carts.read(self._sale_id, customer.digest)
        if definition is None or isinstance(cart, NoRecord):
            return None
        return Order.of_cart(cart, customer.digest, definition)

    async def _order_of_late_payment(self, paid: PaidLate) -> Order | None:
        definition = await self._definition(())
        return None if definition is None else Order.of_late_payment(paid, definition)

    async def _definition(self, wanted: Wanted) -> Definition | None:
        """The definition of the epoch that the batcher is in. Raises a RedisFault."""
        known = self._definitions.known
        if known is None or known.epoch < self._batcher.epoch or _unknown(wanted, known):
            known = await self._definitions.read(unless_younger_seconds=LOOK_AGAIN_SECONDS)
        elif self._definitions.is_old:
            known = await self._refreshed(known)
        if known is not None:
            self._batcher.learn(known.epoch)
        return known

    async def _refreshed(self, known: Definition) -> Definition | None:
        """Where Redis is away for a moment it is the checkout that waits for it, and not this."""
        try:
            async with asyncio.timeout(REFRESH_SECONDS):
                return await self._definitions.read(unless_younger_seconds=LOOK_AGAIN_SECONDS)
        except (RedisFault, TimeoutError):
            return known

    async def _decide(self, attempt: Attempt) -> Answer:
        verdict = await self._batcher.decide(
            attempt.encode(), len(attempt.order.lines), replicas=attempt.replicas
        )
        match verdict:
            case Answered():
                return await self._answer(attempt, verdict)
            case NotVerified():
                return STOCK_UNVERIFIED
            case Overloaded():
                return OVERLOADED
            case Undetermined():
                return Pending(id=attempt.reservation)

    async def _answer(self, attempt: Attempt, answered: Answered) -> Answer:
        match answered.outcome:
            case Admitted() as outcome:
                return await self._when_safe(attempt, answered, attempt.admitted(outcome, answered))
            case Replayed() as outcome:
                return await self._when_safe(attempt, answered, attempt.replayed(outcome, answered))
            case Changed() as outcome:
                await self._read_again()
                return refusal(outcome, attempt.order.definition, answered.now_ms)
            case outcome:
                return refusal(outcome, attempt.order.definition, answered.now_ms)

    async def _when_safe(self, attempt: Attempt, answered: Answered, reserved: Reserved) -> Answer:
        """The answer, once the promise of its level is kept; a replay must wait for it as well."""
        safe = answered.replicated
        if attempt.level is Level.LEDGER:
            safe = await self._commits.reached(
                answered.epoch, reserved.reservation.version, seconds=self._deadline_seconds
            )
        return reserved if safe else Pending(id=attempt.reservation)

    async def _read_again(self) -> None:
        try:
            await self._definitions.read()
        except RedisFault:
            # The next attempt meets the same fault, and answers it.
            return


def _unknown(wanted: Wanted, definition: Definition) -> str | None:
    return next((sku for sku, _ in wanted if sku not in definition.prices), None)
