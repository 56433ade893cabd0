"""`/v1/reservations`: read one, and list one's own."""

import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.finder import Finder, Found, of_ledger
from gateway.identity import Callers, Customer
from gateway.openapi import Call
from gateway.problems import LEDGER_BEHIND, UNKNOWN_RESERVATION, Problem, Refusal
from gateway.query import link, parse_query
from gateway.reservation_call import answer, check_owner, json_answer, reservation_id
from gateway.reservation_operations import (
    LIST_RESERVATIONS,
    READ_RESERVATION,
    ReservationsQuery,
)
from sql.database import Database
from sql.faults import LedgerFault
from sql.reservations import find, of_customer


class Reservations:
    """The endpoints, over what they need."""

    def __init__(self, finder: Finder, database: Database, callers: Callers) -> None:
        self._finder = finder
        self._database = database
        self._callers = callers

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [
            Call("/v1/reservations", self.list, LIST_RESERVATIONS),
            Call("/v1/reservations/{id}", self.read, READ_RESERVATION),
        ]

    async def read(self, request: Request) -> Response:
        """One reservation, in any state, from the moment of its 201."""
        caller = await self._callers.customer_or_machine(request.scope, "settle")
        found = await self._finder.find(reservation_id(request))
        if isinstance(found, Problem):
            raise Refusal(found)
        check_owner(found, caller)
        return answer(found)

    async def list(self, request: Request) -> Response:
        """The customer's own reservations that the ledger has, newest first.

        `limit` is at most 100; `after` is the id of the last one on the page before. `state` and
        `sale_id` narrow it.
        """
        customer = await self._callers.customer(request.scope)
        wanted = parse_query(request, ReservationsQuery)
        try:
            after = await self._cursor(wanted.after, customer)
            rows = await of_customer(
                self._database,
                customer.digest,
                after=after,
                count=wanted.limit + 1,
                state=wanted.state,
                sale_id=wanted.sale_id,
            )
        except LedgerFault as fault:
            raise Refusal(LEDGER_BEHIND) from fault
        return _page([of_ledger(row) for row in rows], wanted)

    async def _cursor(self, last: UUID | None, customer: Customer) -> tuple[datetime, UUID] | None:
        if last is None:
            return None
        row = (await find(self._database, [last])).get(last)
        if row is None or row.customer != customer.digest:
            raise Refusal(UNKNOWN_RESERVATION)
        return row.created_at, last


def _page(found: Sequence[Found], wanted: ReservationsQuery) -> Response:
    """Up to `limit` reservations; one more than that says that there is a next page."""
    now_ms = int(time.time() * 1000)
    shown = found[: wanted.limit]
    items = b",".join(each.reservation.to_json(now_ms) for each in shown)
    following = None
    if len(found) > wanted.limit:
        last = {"after": shown[-1].reservation.id}
        following = link("/v1/reservations", wanted.model_dump() | last)
    return json_answer(b'{"items":[%b],"next":%b}' % (items, to_json(following)))
