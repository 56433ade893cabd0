"""Takes checkouts of every sale."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from gateway.admission.answer import Answer, CheckoutRequest, PaidLate, Pending, Reserved
from gateway.admission.durability import Level
from gateway.admission.reservation_id import derive, random_id, replacement_of
from gateway.admission.sale_desk import SaleDesk
from gateway.counts import AdmissionCounts
from gateway.problems import CHANGED
from gateway.sales import SaleLookup, no_such_record
from lua.carts import Carts
from lua.server import Server
from lua.store import SaleStore

# A price or a cart that moves again while we read it moves too fast to be bought.
ATTEMPTS = 3


class Desk:
    """Sends each checkout to the desk of its sale."""

    def __init__(
        self,
        server: Server,
        carts: Carts,
        tasks: asyncio.TaskGroup,
        lookup: SaleLookup,
        learn: Callable[[str], None],
        counts: AdmissionCounts,
        *,
        level: Level,
        deadline_seconds: float,
    ) -> None:
        self._server = server
        self._carts = carts
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
        if answer is not None:
            return answer
        self._sales.pop(request.sale_id, None)
        return await no_such_record(request.sale_id, self._lookup)

    def _sale(self, sale_id: str) -> SaleDesk:
        sale = self._sales.get(sale_id)
        if sale is None:
            sale = self._sales[sale_id] = SaleDesk(
                SaleStore(self._server, sale_id),
                self._carts,
                self._tasks,
                self._counts,
                level=self._level,
                deadline_seconds=self._deadline_seconds,
            )
        return sale


def _reservation_id(request: CheckoutRequest) -> UUID:
    if isinstance(request.wanted, PaidLate):
        return replacement_of(request.wanted.expired, request.sale_id)
    if request.idempotency_key is None:
        return random_id(request.sale_id)
    customer = request.customer
    return derive(customer.issuer, customer.subject, request.sale_id, request.idempotency_key)
