"""Takes checkouts of every sale."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from gateway.admission.answer import Answer, CheckoutRequest, PaidLate, Pending, Reserved
from gateway.admission.durability import Level
from gateway.admission.reservation_id import derive, random_id, replacement_of
from gateway.admission.sale_desk import SaleDesk
from gateway.admission.sold_out import SoldOut
from gateway.background import Background
from gateway.counts import AdmissionCounts
from gateway.problems import CHANGED, INTERNAL
from gateway.sales import SaleLookup, no_such_record
from gateway.stock.feed import StockFeed
from lua.carts import Carts
from lua.server import Server
from lua.store import SaleStore

log = logging.getLogger(__name__)

# A price or a cart that moves again while we read it moves too fast to be bought.
ATTEMPTS = 3


class Desk:
    """Sends each checkout to the desk of its sale.

    `tasks` are finished before the process ends, and what is in `background` is not. `nobody_comes`
    tells that no others are in line.
    """

    def __init__(
        self,
        server: Server,
        carts: Carts,
        feed: StockFeed,
        tasks: asyncio.TaskGroup,
        background: Background,
        lookup: SaleLookup,
        learn: Callable[[str], None],
        counts: AdmissionCounts,
        *,
        nobody_comes: Callable[[], bool] = lambda: True,
        level: Level,
        deadline_seconds: float,
    ) -> None:
        self._server = server
        self._carts = carts
        self._feed = feed
        self._tasks = tasks
        self._background = background
        self._lookup = lookup
        self._learn = learn
        self._counts = counts
        self._nobody_comes = nobody_comes
        self._level = level
        self._deadline_seconds = deadline_seconds
        self._sales: dict[str, SaleDesk] = {}

    async def checkout(self, request: CheckoutRequest) -> Answer:
        """The answer to a checkout."""
        reservation = _reservation_id(request)
        answer: Answer = CHANGED
        for _ in range(ATTEMPTS):
            answer = await self._attempt(request, reservation)
            if answer is not CHANGED:
                break
        # While the ledger is away, only this tells whoever asks for the reservation where it is.
        if isinstance(answer, Reserved | Pending):
            self._learn(request.sale_id)
        return answer

    def checkout_at_once(self, request: CheckoutRequest, answer: Callable[[Answer], None]) -> bool:
        """Have it answered without a task of its own; False where only `checkout` can do it.

        Then nothing was done. It may be answered before this returns.
        """
        sale = self._sales.get(request.sale_id)
        if sale is None:
            return False
        told = partial(self._told, request, answer)
        return sale.checkout_at_once(request, _reservation_id(request), told)

    def _told(
        self, request: CheckoutRequest, answer: Callable[[Answer], None], told: Answer
    ) -> None:
        if told is CHANGED:
            # Nothing has happened yet, so that all of it can be tried anew.
            self._tasks.create_task(self._try_anew(request, answer))
            return
        if isinstance(told, Reserved | Pending):
            self._learn(request.sale_id)
        answer(told)

    async def _try_anew(self, request: CheckoutRequest, answer: Callable[[Answer], None]) -> None:
        try:
            told = await self.checkout(request)
        # A defect met in one checkout must not end the group that all batches run in.
        except Exception:
            log.exception("sale %s: unforeseen", request.sale_id)
            told = INTERNAL
        answer(told)

    async def _attempt(self, request: CheckoutRequest, reservation: UUID) -> Answer:
        sale = self._sale(request.sale_id)
        answer = await sale.checkout(request, reservation)
        if not sale.has_met_it:
            # Whoever makes ids up must leave nothing behind, whether Redis answers or not.
            self._sales.pop(request.sale_id, None)
        return answer or await no_such_record(request.sale_id, self._lookup)

    def _sale(self, sale_id: str) -> SaleDesk:
        sale = self._sales.get(sale_id)
        if sale is None:
            sale = self._sales[sale_id] = SaleDesk(
                SaleStore(self._server, sale_id),
                self._carts,
                SoldOut(SaleStore(self._feed.server, sale_id), self._feed, self._background),
                self._tasks,
                self._counts,
                nobody_comes=self._nobody_comes,
                level=self._level,
                deadline_seconds=self._deadline_seconds,
            )
        return sale


def _reservation_id(request: CheckoutRequest) -> UUID:
    if isinstance(request.wanted, PaidLate):
        return replacement_of(request.wanted.expired, request.sale_id)
    if request.idempotency_key is None:
        return random_id(request.sale_id)
    return derive(request.customer, request.sale_id, request.idempotency_key)
