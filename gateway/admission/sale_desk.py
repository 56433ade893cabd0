"""Takes one checkout of one sale from a request to an answer; the decision is the script's."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TypeGuard
from uuid import UUID

from gateway.admission.answer import Answer, CheckoutRequest, PaidLate, Pending, Reserved
from gateway.admission.attempt import Attempt
from gateway.admission.batcher import (
    Answered,
    Batcher,
    NotVerified,
    Overloaded,
    Undetermined,
    Verdict,
)
from gateway.admission.commits import Commits
from gateway.admission.definition import (
    LOOK_AGAIN_SECONDS,
    REFRESH_SECONDS,
    DefinitionReader,
)
from gateway.admission.durability import Level
from gateway.admission.order import Order
from gateway.admission.price_list import PriceList
from gateway.admission.refusals import refusal
from gateway.admission.request import CustomersCart, Wanted
from gateway.admission.sold_out import SoldOut
from gateway.counts import AdmissionCounts
from gateway.problems import (
    CHANGED,
    DURABILITY_UNPROVEN,
    OVERLOADED,
    STOCK_UNVERIFIED,
    UNKNOWN_SKU,
    Problem,
)
from lua.admission import Admitted, Replayed, Short
from lua.carts import Carts, NoRecord
from lua.faults import RedisFault
from lua.store import SaleStore

log = logging.getLogger(__name__)


class SaleDesk:
    """One sale: what is known of it, the line of those who wait, and the ledger's progress."""

    def __init__(
        self,
        store: SaleStore,
        carts: Carts,
        sold_out: SoldOut,
        tasks: asyncio.TaskGroup,
        counts: AdmissionCounts,
        *,
        nobody_comes: Callable[[], bool],
        level: Level,
        deadline_seconds: float,
    ) -> None:
        self._sale_id = store.sale_id
        self._carts = carts
        self._sold_out = sold_out
        self._definitions = DefinitionReader(store)
        self._prices: PriceList | None = None
        self._batcher = Batcher(
            store, tasks, counts, nobody_comes=nobody_comes, deadline_seconds=deadline_seconds
        )
        self._commits = Commits(store, tasks)
        self._level = level
        self._deadline_seconds = deadline_seconds
        self._tasks = tasks
        self._is_refreshing = False

    @property
    def has_met_it(self) -> bool:
        """Whether Redis has ever had the sale: from then on this desk is a witness of it."""
        return self._batcher.epoch > 0

    async def checkout(self, request: CheckoutRequest, reservation: UUID) -> Answer | None:
        """The answer; None where Redis has no record of the sale.

        It is CHANGED where a price or the cart moved, and then worth another call.
        """
        try:
            prices = await self._prices_of(request.wanted)
            if prices is None:
                return None
            order = await self._order(request, prices)
        except RedisFault:
            return STOCK_UNVERIFIED
        if not isinstance(order, Order):
            return order
        if not prices.is_proven:
            return DURABILITY_UNPROVEN.because(f"Redis cannot keep the level {prices.label}.")
        attempt = Attempt(request=request, reservation=reservation, order=order, prices=prices)
        return await self._decide(attempt)

    def checkout_at_once(
        self, request: CheckoutRequest, reservation: UUID, answer: Callable[[Answer], None]
    ) -> bool:
        """Have it answered as `checkout` does; False where more than the script has to be asked.

        Then nothing was done. It may be answered before this returns.
        """
        prices, wanted = self._prices, request.wanted
        if prices is None or not isinstance(wanted, tuple):
            return False
        if self._definitions.is_soon_old and not self._is_refreshing:
            self._is_refreshing = True
            self._tasks.create_task(self._refresh(prices))
        if problem := self._sold_out.refusal(wanted, reservation):
            answer(problem)
            return True
        order = prices.order(wanted) if self._is_plain(prices) else None
        if order is None:
            return False
        attempt = Attempt(request=request, reservation=reservation, order=order, prices=prices)
        self._batcher.add(
            attempt.encode(),
            len(order.lines),
            partial(self._tell, attempt, answer),
            replicas=prices.replicas,
            waited_seconds=perf_counter() - request.since,
        )
        return True

    def _is_plain(self, prices: PriceList) -> bool:
        """Whether it can be sold at these prices, under a definition that is not too old."""
        is_newest = prices.definition.epoch >= self._batcher.epoch and not self._definitions.is_old
        return is_newest and prices.is_proven

    def _tell(self, attempt: Attempt, answer: Callable[[Answer], None], verdict: Verdict) -> None:
        """Answer, if that was promised only once the ledger has it."""
        told = self._of_verdict(attempt, verdict)
        if not (_waits_for_ledger(told, attempt) and isinstance(verdict, Answered)):
            answer(told)
            return
        self._commits.when_reached(
            verdict.call.epoch,
            told.reservation.version,
            lambda is_safe: answer(told if is_safe else Pending(id=attempt.reservation)),
            seconds=self._deadline_seconds,
        )

    async def _prices_of(self, wanted: Wanted | CustomersCart | PaidLate) -> PriceList | None:
        """The prices of the epoch that the batcher is in. Raises a RedisFault."""
        named = wanted if isinstance(wanted, tuple) else ()
        known = self._prices
        if known is None or known.definition.epoch < self._batcher.epoch or known.lacking(named):
            known = await self._read_prices(unless_younger_seconds=LOOK_AGAIN_SECONDS)
        elif self._definitions.is_old:
            known = await self._refreshed(known)
        if known is not None:
            self._batcher.learn(known.definition.epoch)
        return known

    async def _refresh(self, known: PriceList) -> None:
        try:
            await self._refreshed(known)
        # A defect met here must not end the group that all batches run in.
        except Exception:
            log.exception("sale %s: unforeseen", self._sale_id)
        finally:
            self._is_refreshing = False

    async def _refreshed(self, known: PriceList) -> PriceList | None:
        """Where Redis is away for a moment it is the checkout that waits for it, and not this."""
        try:
            async with asyncio.timeout(REFRESH_SECONDS):
                return await self._read_prices(unless_younger_seconds=LOOK_AGAIN_SECONDS)
        except (RedisFault, TimeoutError):
            return known

    async def _read_prices(self, *, unless_younger_seconds: float = 0.0) -> PriceList | None:
        definition = await self._definitions.read(unless_younger_seconds=unless_younger_seconds)
        if definition is None:
            self._prices = None
        elif self._prices is None or self._prices.definition is not definition:
            self._prices = PriceList(definition, self._level)
        return self._prices

    async def _order(self, request: CheckoutRequest, prices: PriceList) -> Order | Problem | None:
        """What is to be decided. Raises a RedisFault."""
        match request.wanted:
            case CustomersCart():
                cart = await self._carts.read(self._sale_id, request.customer.digest)
                if isinstance(cart, NoRecord):
                    return None
                return Order.of_cart(cart, request.customer.digest, prices.definition)
            case PaidLate() as paid:
                return Order.of_late_payment(paid, prices.definition)
            case wanted:
                return prices.order(wanted) or _unknown_sku(prices.lacking(wanted))

    async def _decide(self, attempt: Attempt) -> Answer:
        verdict = await self._batcher.decide(
            attempt.encode(),
            len(attempt.order.lines),
            replicas=attempt.prices.replicas,
            waited_seconds=perf_counter() - attempt.request.since,
        )
        answer = self._of_verdict(attempt, verdict)
        if answer is CHANGED:
            await self._read_again()
        if _waits_for_ledger(answer, attempt) and isinstance(verdict, Answered):
            return await self._when_safe(attempt, verdict, answer)
        return answer

    def _of_verdict(self, attempt: Attempt, verdict: Verdict) -> Answer:
        """The answer, as far as the script can give it."""
        match verdict:
            case Answered():
                if isinstance(verdict.outcome, Short):
                    self._sold_out.notice(verdict.outcome)
                return _answer(attempt, verdict)
            case NotVerified():
                return STOCK_UNVERIFIED
            case Overloaded():
                return OVERLOADED
            case Undetermined():
                return Pending(id=attempt.reservation)

    async def _when_safe(self, attempt: Attempt, answered: Answered, reserved: Reserved) -> Answer:
        """The answer, once the ledger has it; a replay waits as well."""
        safe = await self._commits.reached(
            answered.call.epoch, reserved.reservation.version, seconds=self._deadline_seconds
        )
        return reserved if safe else Pending(id=attempt.reservation)

    async def _read_again(self) -> None:
        try:
            await self._read_prices()
        except RedisFault:
            # The next attempt meets the same fault, and answers it.
            return


def _waits_for_ledger(answer: Answer, attempt: Attempt) -> TypeGuard[Reserved]:
    return attempt.prices.level is Level.LEDGER and isinstance(answer, Reserved)


def _unknown_sku(sku: str | None) -> Problem:
    return UNKNOWN_SKU.because(f"The sale has no {sku}.", sku=sku)


def _answer(attempt: Attempt, answered: Answered) -> Answer:
    match answered.outcome:
        case Admitted() as outcome:
            answer = attempt.admitted(outcome, answered)
        case Replayed() as outcome:
            answer = attempt.replayed(outcome, answered)
        case outcome:
            return refusal(outcome, attempt.order.definition, answered.call.now_ms)
    return answer if answered.call.replicated else Pending(id=attempt.reservation)
