"""Takes checkouts of every sale."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from gateway.admission.answer import Answer, CheckoutRequest, Pending, Reserved
from gateway.admission.durability import Level
from gateway.admission.reservation_id import derive, random_id
from gateway.admission.sale_desk import SaleDesk
from gateway.counts import AdmissionCounts
from gateway.problems import CHANGED, STOCK_UNVERIFIED, UNKNOWN_SALE, Problem
from gateway.sales import SaleLookup
from lua.server import Server
from lua.store import SaleStore

# Prices that move again while we read them move too fast to be bought at.
ATTEMPTS = 3


class Desk:
    """Sends each checkout to the desk of its sale."""

    def __init__(
        self,
        server: Server,
        tasks: asyncio.TaskGroup,
        lookup: SaleLookup,
        learn: Callable[[str], None],
        counts: AdmissionCounts,
        *,
        level: Level,
        deadline_seconds: float,
    ) -> None:
        self._server = server
        self._tasks = tasks
        self._lookup = lookup
        self._learn = learn
        self._counts = counts
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

    async def _attempt(self, request: CheckoutRequest, reservation: UUID) -> Answer:
        answer = await self._sale(request.sale_id).checkout(request, reservation)
        return await self._no_such_record(request.sale_id) if answer is None else answer

    def _sale(self, sale_id: str) -> SaleDesk:
        sale = self._sales.get(sale_id)
        if sale is None:
            sale = self._sales[sale_id] = SaleDesk(
                SaleStore(self._server, sale_id),
                self._tasks,
                self._counts,
                level=self._level,
                deadline_seconds=self._deadline_seconds,
            )
        return sale

    async def _no_such_record(self, sale_id: str) -> Problem:
        """Redis has no such sale: there is none, or it was lost there."""
        self._sales.pop(sale_id, None)
        known = await self._lookup(sale_id)
        return UNKNOWN_SALE if known is False else STOCK_UNVERIFIED


def _reservation_id(request: CheckoutRequest) -> UUID:
    if request.idempotency_key is None:
        return random_id(request.sale_id)
    customer = request.customer
    return derive(customer.issuer, customer.subject, request.sale_id, request.idempotency_key)
