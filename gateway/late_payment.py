"""Pays for a reservation that has expired, by buying the same again.

The new reservation's id is derived from the old one's. So an attempt that was left unfinished, by a
crash, a lost reply or an absent ledger, is found again and finished by the next confirm with the
same payment; one that nobody finishes expires like any hold. The last word is the ledger's, which
keeps it: see `sql.late_payment`.
"""

import asyncio
import time
from typing import Final
from uuid import UUID

from gateway.admission.answer import CheckoutRequest, PaidLate, Pending, Reserved
from gateway.admission.desk import Desk
from gateway.admission.reservation_id import replacement_of
from gateway.finder import Finder, Found
from gateway.identity import Customer
from gateway.problems import LEDGER_BEHIND, RESERVATION_EXPIRED, Problem, Refusal
from lua.lines import decode
from sql.database import Database
from sql.late_payment import (
    Decision,
    Expired,
    NotThere,
    Refunded,
    Replaced,
    has_returns_pending,
    read_expired,
    refuse,
    replace_with,
)
from sql.settlement import release

# What the customer gave back is in Redis within a second, and what Redis admitted is in the ledger
# within some milliseconds.
WAIT_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.02


class LatePayments:
    """Every method may raise a Refusal, or a LedgerFault: then the same may be tried again."""

    def __init__(self, desk: Desk, finder: Finder, database: Database) -> None:
        self._desk = desk
        self._finder = finder
        self._database = database

    async def pay(self, reservation: UUID, reference: str) -> Found:
        """The reservation that replaces an expired one, paid with a payment that has claimed it."""
        expired = await read_expired(self._database, reservation)
        if expired is None:
            raise Refusal(LEDGER_BEHIND)
        new = replacement_of(reservation, expired.sale_id)
        match await self._decide(expired, reservation, new, reference):
            case Replaced(by=replacement):
                return await self._finder.when_in_ledger(replacement)
            case Refunded():
                # What somebody else was admitted for meanwhile is of no use to anybody now.
                await release(self._database, new)
                raise Refusal(_refund("Its units went back, and could not be had again."))

    async def _decide(
        self, expired: Expired, reservation: UUID, new: UUID, reference: str
    ) -> Decision:
        """What is decided already; or decide it, with what an earlier attempt has left."""
        decision = await replace_with(self._database, reservation, new, reference)
        if not isinstance(decision, NotThere):
            return decision
        if not await self._is_reserved_again(expired, reservation):
            return await refuse(self._database, reservation, reference)
        return await self._when_there(reservation, new, reference)

    async def _is_reserved_again(self, expired: Expired, reservation: UUID) -> bool:
        """Whether Redis has admitted it, or may have. Raises a Refusal for a no that may pass."""
        if expired.issuer is None or expired.subject is None:
            return False
        await self._until_given_back(expired)
        answer = await self._desk.checkout(
            CheckoutRequest(
                sale_id=expired.sale_id,
                customer=Customer(issuer=expired.issuer, subject=expired.subject),
                idempotency_key=None,
                wanted=PaidLate(expired=reservation, lines=decode(expired.lines)),
                traceparent=expired.traceparent,
                since=time.perf_counter(),
            )
        )
        match answer:
            case Reserved() | Pending():
                return True
            case Problem(status=status) if status < 500:
                return False
            case Problem():
                raise Refusal(answer)

    async def _until_given_back(self, expired: Expired) -> None:
        """Wait for what the customer gave back: Redis would count it against their limit."""
        deadline = time.monotonic() + WAIT_SECONDS
        while await has_returns_pending(self._database, expired.sale_id, expired.customer):
            await _wait(deadline)

    async def _when_there(self, reservation: UUID, new: UUID, reference: str) -> Decision:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            decision = await replace_with(self._database, reservation, new, reference)
            if not isinstance(decision, NotThere):
                return decision
            await _wait(deadline)


async def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise Refusal(LEDGER_BEHIND)
    await asyncio.sleep(LOOK_SECONDS)


def _refund(detail: str) -> Problem:
    return RESERVATION_EXPIRED.because(detail, refund_required=True)
