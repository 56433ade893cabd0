"""Confirms payments: those that arrive while a transaction is in flight share the next one."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from gateway.finder import Found, all_in_ledger
from sql.database import Database
from sql.faults import LedgerFault
from sql.settlement import Payment, Settled, pay

log = logging.getLogger(__name__)

# The row locks of so many payments are held for a few milliseconds.
MAX_PAYMENTS: Final = 500
MAX_WAITING: Final = 10_000


class Paid(NamedTuple):
    """A reservation as it was before a payment, and how the payment has settled it."""

    found: Found
    settled: Settled


_Waiting = tuple[Payment, "asyncio.Future[Paid | None]"]


class TooManyPayments(LedgerFault):
    """More are waiting than will be served in time. Nothing happened."""


class Cashier:
    """Settles reservations as paid, one transaction at a time."""

    def __init__(self, database: Database, tasks: asyncio.TaskGroup) -> None:
        self._database = database
        self._tasks = tasks
        self._waiting: list[_Waiting] = []
        self._busy = False

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
        if self._waiting and not self._busy:
            self._busy = True
            self._tasks.create_task(self._settle_some())

    async def _settle_some(self) -> None:
        batch, self._waiting = self._waiting[:MAX_PAYMENTS], self._waiting[MAX_PAYMENTS:]
        try:
            paid = await self._pay([payment for payment, _ in batch])
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
            self._busy = False
            self._start()

    async def _pay(self, payments: Sequence[Payment]) -> dict[UUID, Paid]:
        found = await all_in_ledger(self._database, {each.reservation for each in payments})
        there = [each for each in payments if each.reservation in found]
        settled = await pay(self._database, there) if there else {}
        return {each: Paid(found[each], outcome) for each, outcome in settled.items()}


def _fail(batch: Sequence[_Waiting], fault: LedgerFault) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(fault)
