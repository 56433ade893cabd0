"""Confirm, extend and release a reservation: what changes it, under the lock of its row."""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from gateway.asgi import read_body
from gateway.cashier import Cashier
from gateway.counts import SettlementCounts, counting
from gateway.finder import Finder, Found, milliseconds, of_ledger
from gateway.identity import Callers
from gateway.json_body import parse_json
from gateway.late_payment import LatePayments
from gateway.openapi import Call
from gateway.orders.hints import Hints
from gateway.problems import (
    ALREADY_PAID,
    EXTENSION_LIMIT_REACHED,
    LEDGER_BEHIND,
    RESERVATION_EXPIRED,
    RESERVATION_RELEASED,
    Problem,
    Refusal,
)
from gateway.representation import timestamp
from gateway.request_id import id_of
from gateway.reservation_call import answer, check_owner, reservation_id
from gateway.reservation_operations import (
    CONFIRM_RESERVATION,
    EXTEND_RESERVATION,
    RELEASE_RESERVATION,
    Confirmation,
    Extension,
)
from sql.database import Database
from sql.extension import Extended, TooLong, extend
from sql.faults import LedgerFault
from sql.reservations import State
from sql.settlement import Settled, release

log = logging.getLogger(__name__)

_CONFIRMATION: Final = TypeAdapter(Confirmation)
_EXTENSION: Final = TypeAdapter(Extension)


class Settlement:
    """The endpoints, over what they need."""

    def __init__(
        self,
        finder: Finder,
        cashier: Cashier,
        late_payments: LatePayments,
        database: Database,
        callers: Callers,
        hints: Hints,
        counts: SettlementCounts,
    ) -> None:
        self._finder = finder
        self._cashier = cashier
        self._late_payments = late_payments
        self._database = database
        self._callers = callers
        self._hints = hints
        self._counts = counts

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        one = "/v1/reservations/{id}"
        return [
            Call(f"{one}/confirm", self.confirm, CONFIRM_RESERVATION),
            Call(f"{one}/extend", self.extend, EXTEND_RESERVATION),
            Call(f"{one}/release", self.release, RELEASE_RESERVATION),
        ]

    async def confirm(self, request: Request) -> Response:
        """Settle as paid; the same payment may be told again."""
        await self._callers.machine(request.scope, "settle")
        body = await read_body(request.receive)
        reference = parse_json(request.scope, body, _CONFIRMATION).payment_reference
        reservation = reservation_id(request)
        try:
            return answer(await self.pay(reservation, reference))
        except Refusal as refusal:
            _tell_of_refund(request.scope, reservation, refusal.problem)
            raise

    async def pay(self, reservation: UUID, reference: str) -> Found:
        """The paid reservation: this one or, after its expiry, a new one. Raises a Refusal."""
        with counting(self._counts.payments, State.PAID):
            try:
                return self._told(await self._pay(reservation, reference))
            except LedgerFault as fault:
                raise Refusal(LEDGER_BEHIND) from fault

    async def _pay(self, reservation: UUID, reference: str) -> Found:
        paid = await self._cashier.pay(reservation, reference)
        if paid is None:
            await self._finder.when_in_ledger(reservation)
            paid = await self._cashier.pay(reservation, reference)
        if paid is None:
            raise Refusal(LEDGER_BEHIND)
        match settled := paid.settled:
            case Settled(state=State.PAID, reference=first) if first == reference:
                return _with_state(of_ledger(paid.was), State.PAID)
            case Settled(state=State.EXPIRED, late=late) if late == reference:
                return await self._late_payments.pay(reservation, reference)
        raise Refusal(_not_paid(settled))

    async def extend(self, request: Request) -> Response:
        """Let a hold last until a time at least; may be told again."""
        await self._callers.machine(request.scope, "settle")
        body = await read_body(request.receive)
        until = parse_json(request.scope, body, _EXTENSION).until
        try:
            found = await self._finder.when_in_ledger(reservation_id(request))
            outcome = await extend(self._database, found.reservation.id, until)
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        if not isinstance(outcome, Extended):
            raise Refusal(_not_extended(outcome))
        return answer(self._told(_with_end(found, outcome.expires_at)))

    async def release(self, request: Request) -> Response:
        """Give a hold up; may be told again."""
        caller = await self._callers.customer_or_machine(request.scope, "settle")
        with counting(self._counts.releases, State.RELEASED):
            return answer(self._told(await self._release(reservation_id(request), caller)))

    async def _release(self, reservation: UUID, caller: object) -> Found:
        try:
            found = await self._finder.when_in_ledger(reservation)
            check_owner(found, caller)
            settled = await release(self._database, reservation)
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        if settled is None or settled.state != State.RELEASED:
            raise Refusal(_not_released(settled))
        return _with_state(found, State.RELEASED)

    def _told(self, changed: Found) -> Found:
        """What was changed, once whoever watches it is hinted at that."""
        self._hints.tell(changed.reservation.sale_id)
        return changed


def _tell_of_refund(scope: Scope, reservation: UUID, problem: Problem) -> None:
    """Somebody's money is here for nothing: of that an operator's log tells, too."""
    if problem.members.get("refund_required"):
        ids = {"request": id_of(scope), "reservation": reservation}
        log.info("a payment has to go back: %s", problem.code, extra=ids)


def _not_paid(settled: Settled) -> Problem:
    """Whoever took the money for nothing must give it back."""
    match settled:
        case Settled(state=State.PAID):
            return ALREADY_PAID.because("Another payment has paid it.", refund_required=True)
        case Settled(state=State.EXPIRED):
            detail = "Another payment came after its end, and before this one."
            return RESERVATION_EXPIRED.because(detail, refund_required=True)
        case Settled(state=State.RELEASED):
            return RESERVATION_RELEASED.because("Its units went back.", refund_required=True)
    return LEDGER_BEHIND


def _not_extended(outcome: TooLong | Settled | None) -> Problem:
    match outcome:
        case TooLong(latest=latest, max_hold_seconds=seconds):
            end = timestamp(milliseconds(latest))
            return EXTENSION_LIMIT_REACHED.because(
                f"A hold of this sale lasts {seconds} seconds at the most, this one until {end}.",
                latest=end,
                max_hold_seconds=seconds,
            )
        case Settled(state=State.PAID):
            return ALREADY_PAID
        case Settled(state=State.EXPIRED):
            return RESERVATION_EXPIRED
        case Settled(state=State.RELEASED):
            return RESERVATION_RELEASED
    return LEDGER_BEHIND


def _not_released(settled: Settled | None) -> Problem:
    match settled:
        case Settled(state=State.PAID):
            return ALREADY_PAID
        case Settled(state=State.EXPIRED):
            return RESERVATION_EXPIRED
    return LEDGER_BEHIND


def _with_state(found: Found, state: State) -> Found:
    return replace(found, reservation=found.reservation._replace(state=state))


def _with_end(found: Found, expires_at: datetime) -> Found:
    expires_at_ms = milliseconds(expires_at)
    return replace(found, reservation=found.reservation._replace(expires_at_ms=expires_at_ms))
