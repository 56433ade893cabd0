"""Confirms payments: those that arrive while a transaction is in flight share the next one."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sql.database import Database
from sql.faults import LedgerFault
from sql.settlement import Payment, Settled, pay

log = logging.getLogger(__name__)

# The row locks of so many payments are held for a few milliseconds.
MAX_PAYMENTS: Final = 500
MAX_WAITING: Final = 10_000

_Waiting = tuple[Payment, "asyncio.Future[Settled | None]"]


class TooManyPayments(LedgerFault):
    """More are waiting than will be served in time. Nothing happened."""


class Cashier:
    """Settles reservations as paid, one transaction at a time."""

    def __init__(self, database: Database, tasks: asyncio.TaskGroup) -> None:
        self._database = database
        self._tasks = tasks
        self._waiting: list[_Waiting] = []
        self._busy = False

    async def pay(self, reservation: UUID, reference: str) -> Settled | None:
        """How the reservation stands after the payment; None where the ledger does not have it.

        Raises a LedgerFault: then it may have been settled or not, and can be asked again.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyPayments("too many payments are waiting")
        settled: asyncio.Future[Settled | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((Payment(reservation=reservation, reference=reference), settled))
        self._start()
        return await settled

    def _start(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            self._tasks.create_task(self._settle_some())

    async def _settle_some(self) -> None:
        batch, self._waiting = self._waiting[:MAX_PAYMENTS], self._waiting[MAX_PAYMENTS:]
        try:
            settled = await pay(self._database, [payment for payment, _ in batch])
            for payment, future in batch:
                if not future.done():
                    future.set_result(settled.get(payment.reservation))
        except LedgerFault as fault:
            _fail(batch, fault)
        # A defect met in one batch must not end the group that all batches run in.
        except Exception:
            log.exception("payments: unforeseen")
            _fail(batch, LedgerFault("unforeseen"))
        finally:
            self._busy = False
            self._start()


def _fail(batch: Sequence[_Waiting], fault: LedgerFault) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(fault)
