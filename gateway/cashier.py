"""Confirms payments: those that arrive while transactions are in flight share the next one."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sql.database import Database
from sql.faults import LedgerFault
from sql.settlement import Paid, Payment, pay

log = logging.getLogger(__name__)

# The row locks of so many payments are held for a few milliseconds.
MAX_PAYMENTS: Final = 250
# While one waits for Postgres, the other is worked on here. Two payments of one reservation that
# are in different ones meet at the lock of its row.
TRANSACTIONS_IN_FLIGHT: Final = 2
MAX_WAITING: Final = 10_000

_Waiting = tuple[Payment, "asyncio.Future[Paid | None]"]


class TooManyPayments(LedgerFault):
    """More are waiting than will be served in time. Nothing happened."""


class Cashier:
    """Settles reservations as paid, in as few transactions as may be."""

    def __init__(self, database: Database, tasks: asyncio.TaskGroup) -> None:
        self._database = database
        self._tasks = tasks
        self._waiting: list[_Waiting] = []
        self._in_flight = 0

    async def pay(self, reservation: UUID, reference: str) -> Paid | None:
        """What became of the reservation; None where the ledger does not have it.

        Raises a LedgerFault: then it may have been settled or not, and can be asked again.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyPayments("too many payments are waiting")
        paid: asyncio.Future[Paid | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((Payment(reservation=reservation, reference=reference), paid))
        self._start()
        return await paid

    def _start(self) -> None:
        if self._waiting and self._in_flight < TRANSACTIONS_IN_FLIGHT:
            self._in_flight += 1
            self._tasks.create_task(self._settle_some())

    async def _settle_some(self) -> None:
        batch, self._waiting = self._waiting[:MAX_PAYMENTS], self._waiting[MAX_PAYMENTS:]
        try:
            # The other transaction may have taken all who were waiting.
            paid = await pay(self._database, [each for each, _ in batch]) if batch else {}
            for payment, future in batch:
                if not future.done():
                    future.set_result(paid.get(payment.reservation))
        except LedgerFault as fault:
            _fail(batch, fault)
        # A defect met in one batch must not end the group that all batches run in.
        except Exception:
            log.exception("payments: unforeseen")
            _fail(batch, LedgerFault("unforeseen"))
        finally:
            self._in_flight -= 1
            self._start()


def _fail(batch: Sequence[_Waiting], fault: LedgerFault) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(fault)
