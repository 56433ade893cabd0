"""`/v1/reservations`: read, confirm, extend, release."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from gateway.asgi import read_body
from gateway.cashier import Cashier
from gateway.counts import SettlementCounts, counting
from gateway.finder import Finder, Found, milliseconds, of_ledger
from gateway.identity import Callers, Customer
from gateway.json_body import parse_json
from gateway.openapi import Call
from gateway.problems import (
    ALREADY_PAID,
    EXTENSION_LIMIT_REACHED,
    INVALID,
    LEDGER_BEHIND,
    RESERVATION_EXPIRED,
    RESERVATION_RELEASED,
    UNKNOWN_RESERVATION,
    Problem,
    Refusal,
)
from gateway.representation import timestamp
from gateway.request_id import id_of
from gateway.reservation_operations import (
    CONFIRM_RESERVATION,
    EXTEND_RESERVATION,
    LIST_RESERVATIONS,
    MAX_ITEMS,
    READ_RESERVATION,
    RELEASE_RESERVATION,
    Confirmation,
    Extension,
)
from sql.database import Database
from sql.extension import Extended, TooLong, extend
from sql.faults import LedgerFault
from sql.reservations import find, of_customer
from sql.settlement import Settled, State, release

log = logging.getLogger(__name__)

# An order that Redis has and the ledger not yet: the reconciler is some milliseconds behind.
WAIT_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.02

_CONFIRMATION: Final = TypeAdapter(Confirmation)
_EXTENSION: Final = TypeAdapter(Extension)
# As text: int() takes digits of every script, and fails at some thousands of them.
_LIMITS: Final = frozenset(map(str, range(1, MAX_ITEMS + 1)))


class Reservations:
    """The endpoints, over what they need."""

    def __init__(
        self,
        finder: Finder,
        cashier: Cashier,
        database: Database,
        callers: Callers,
        counts: SettlementCounts,
    ) -> None:
        self._finder = finder
        self._cashier = cashier
        self._database = database
        self._callers = callers
        self._counts = counts

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        one = "/v1/reservations/{id}"
        return [
            Call("/v1/reservations", self.list, LIST_RESERVATIONS),
            Call(one, self.read, READ_RESERVATION),
            Call(f"{one}/confirm", self.confirm, CONFIRM_RESERVATION),
            Call(f"{one}/extend", self.extend, EXTEND_RESERVATION),
            Call(f"{one}/release", self.release, RELEASE_RESERVATION),
        ]

    async def read(self, request: Request) -> Response:
        """One reservation, in any state, from the moment of its 201."""
        caller = await self._callers.customer_or_machine(request.scope, "settle")
        found = await self._finder.find(_id(request))
        if isinstance(found, Problem):
            raise Refusal(found)
        _check_owner(found, caller)
        return answer(found)

    async def list(self, request: Request) -> Response:
        """The customer's own reservations that the ledger has, newest first.

        `limit` is at most 100; `after` is the id of the last one on the page before.
        """
        customer = await self._callers.customer(request.scope)
        limit = _limit(request)
        try:
            after = await self._cursor(request, customer)
            rows = await of_customer(self._database, customer.digest, after=after, count=limit + 1)
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        return _page([of_ledger(row) for row in rows], limit)

    async def _cursor(self, request: Request, customer: Customer) -> tuple[datetime, UUID] | None:
        text = request.query_params.get("after")
        if text is None:
            return None
        last = _uuid(text)
        row = (await find(self._database, [last])).get(last)
        if row is None or row.customer != customer.digest:
            raise Refusal(UNKNOWN_RESERVATION)
        return row.created_at, last

    async def confirm(self, request: Request) -> Response:
        """Settle as paid; the same payment may be told again."""
        await self._callers.machine(request.scope, "settle")
        reference, reservation = await _payment_reference(request), _id(request)
        try:
            return answer(await self.pay(reservation, reference))
        except Refusal as refusal:
            _tell_of_refund(request.scope, reservation, refusal.problem)
            raise

    async def pay(self, reservation: UUID, reference: str) -> Found:
        """The paid reservation. Raises a Refusal."""
        with counting(self._counts.payments, State.PAID):
            return await self._pay(reservation, reference)

    async def _pay(self, reservation: UUID, reference: str) -> Found:
        try:
            found = await self._in_ledger(reservation)
            settled = await self._cashier.pay(reservation, reference)
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        if settled is None or settled.state != State.PAID or settled.reference != reference:
            raise Refusal(_not_paid(settled))
        return _with_state(found, State.PAID)

    async def extend(self, request: Request) -> Response:
        """Let a hold last until a time at least; may be told again."""
        await self._callers.machine(request.scope, "settle")
        until = await _until(request)
        try:
            found = await self._in_ledger(_id(request))
            outcome = await extend(self._database, found.reservation.id, until)
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        if not isinstance(outcome, Extended):
            raise Refusal(_not_extended(outcome))
        return answer(_with_end(found, outcome.expires_at))

    async def release(self, request: Request) -> Response:
        """Give a hold up; may be told again."""
        caller = await self._callers.customer_or_machine(request.scope, "settle")
        with counting(self._counts.releases, State.RELEASED):
            return answer(await self._release(_id(request), caller))

    async def _release(self, reservation: UUID, caller: object) -> Found:
        try:
            found = await self._in_ledger(reservation)
            _check_owner(found, caller)
            settled = await release(self._database, reservation)
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        if settled is None or settled.state != State.RELEASED:
            raise Refusal(_not_released(settled))
        return _with_state(found, State.RELEASED)

    async def _in_ledger(self, reservation: UUID) -> Found:
        """The reservation, once the ledger has it. Raises a Refusal, or a LedgerFault."""
        found = await self._finder.find(reservation)
        deadline = time.monotonic() + WAIT_SECONDS
        while isinstance(found, Found) and not found.committed and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
            found = await self._finder.in_ledger(reservation) or found
        if isinstance(found, Problem):
            raise Refusal(found)
        # What Redis calls committed is taken from the ledger too: it may be settled since.
        in_ledger = await self._finder.in_ledger(reservation)
        if in_ledger is None:
            raise Refusal(LEDGER_BEHIND)
        return in_ledger


def _tell_of_refund(scope: Scope, reservation: UUID, problem: Problem) -> None:
    """Somebody's money is here for nothing: of that an operator's log tells, too."""
    if problem.members.get("refund_required"):
        ids = {"request": id_of(scope), "reservation": reservation}
        log.info("a payment has to go back: %s", problem.code, extra=ids)


def _id(request: Request) -> UUID:
    return _uuid(request.path_params["id"])


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Refusal(UNKNOWN_RESERVATION) from error


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(MAX_ITEMS))
    if text not in _LIMITS:
        raise Refusal(INVALID.because(f"limit is a whole number from 1 to {MAX_ITEMS}."))
    return int(text)


def _check_owner(found: Found, caller: object) -> None:
    """Another customer's reservation is unknown, so that ids tell nothing."""
    if isinstance(caller, Customer) and caller.digest != found.customer:
        raise Refusal(UNKNOWN_RESERVATION)


async def _payment_reference(request: Request) -> str:
    body = await read_body(request.receive)
    return parse_json(request.scope, body, _CONFIRMATION).payment_reference


async def _until(request: Request) -> datetime:
    body = await read_body(request.receive)
    return parse_json(request.scope, body, _EXTENSION).until


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


def _not_paid(settled: Settled | None) -> Problem:
    """Whoever took the money for nothing must give it back."""
    match settled:
        case Settled(state=State.PAID):
            return ALREADY_PAID.because("Another payment has paid it.", refund_required=True)
        case Settled(state=State.EXPIRED):
            return RESERVATION_EXPIRED.because("Its units went back.", refund_required=True)
        case Settled(state=State.RELEASED):
            return RESERVATION_RELEASED.because("Its units went back.", refund_required=True)
    return LEDGER_BEHIND


def _not_released(settled: Settled | None) -> Problem:
    match settled:
        case Settled(state=State.PAID):
            return ALREADY_PAID
        case Settled(state=State.EXPIRED):
            return RESERVATION_EXPIRED
    return LEDGER_BEHIND


def _with_state(found: Found, state: State) -> Found:
    return replace(found, reservation=replace(found.reservation, state=state))


def _with_end(found: Found, expires_at: datetime) -> Found:
    expires_at_ms = milliseconds(expires_at)
    return replace(found, reservation=replace(found.reservation, expires_at_ms=expires_at_ms))


def _page(found: Sequence[Found], limit: int) -> Response:
    """Up to `limit` reservations; one more than that says that there is a next page."""
    now_ms = int(time.time() * 1000)
    shown = found[:limit]
    items = b",".join(each.reservation.to_json(now_ms) for each in shown)
    after = f"/v1/reservations?limit={limit}&after={shown[-1].reservation.id}" if shown else None
    following = to_json(after if len(found) > limit else None)
    return _json(b'{"items":[%b],"next":%b}' % (items, following))


def answer(found: Found) -> Response:
    """The reservation as the body of a 200."""
    return _json(found.reservation.to_json(int(time.time() * 1000)))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})
