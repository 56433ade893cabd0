"""`GET /v1/reservations/{id}/events`, straight on ASGI, and `POST /v1/reservations/{id}/ticket`."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from pydantic_core import to_json
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.asgi import header
from gateway.finder import Finder, Found
from gateway.identity import Callers, Customer
from gateway.openapi import Call
from gateway.orders.feed import OrderFeed
from gateway.orders.operations import ISSUE_TICKET
from gateway.orders.sight import Sight
from gateway.orders.ticket import Tickets
from gateway.problems import Problem, Refusal
from gateway.representation import timestamp
from gateway.reservation_call import check_owner, json_answer, parse_id, reservation_id
from gateway.streams.crowd import Crowd, TooManyStreams
from gateway.streams.frame import NOTHING_SEEN, heartbeat
from gateway.streams.response import begin, end_for_good, send_away, until_gone
from gateway.streams.stream import Stream

# A browser has six connections to a host over HTTP/1.1; some customers have two browsers.
MAX_STREAMS_PER_CUSTOMER: Final = 12


class OrderStream:
    """What becomes of a reservation as server-sent events, until its state is final."""

    def __init__(
        self, feed: OrderFeed, crowd: Crowd, finder: Finder, callers: Callers, tickets: Tickets
    ) -> None:
        self._feed = feed
        self._crowd = crowd
        self._finder = finder
        self._callers = callers
        self._tickets = tickets
        self._streams_of: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises a Refusal before anything is sent."""
        try:
            with self._crowd.place():
                found = await self._find(scope)
                with self._place_of(found.customer):
                    await self._answer(found, scope, receive, send)
        except TooManyStreams:
            await send_away(send)
        except Refusal as refusal:
            if refusal.problem.status < 500:
                raise
            await send_away(send)

    async def _find(self, scope: Scope) -> Found:
        reservation = parse_id(scope["path_params"]["id"])
        ticket = QueryParams(scope["query_string"]).get("ticket")
        caller = None
        if ticket is None:
            caller = await self._callers.customer(scope)
        else:
            await self._tickets.check(ticket, reservation)
        return await _owned(self._finder, reservation, caller)

    @contextmanager
    def _place_of(self, customer: str) -> Iterator[None]:
        """Have one of the customer's places. Raises TooManyStreams."""
        if self._streams_of[customer] >= MAX_STREAMS_PER_CUSTOMER:
            raise TooManyStreams
        self._streams_of[customer] += 1
        try:
            yield
        finally:
            self._streams_of[customer] -= 1
            if not self._streams_of[customer]:
                del self._streams_of[customer]

    async def _answer(self, found: Found, scope: Scope, receive: Receive, send: Send) -> None:
        # What is not certain is not shown: the ledger tells as soon as it is back.
        sight = Sight(found=found) if found.is_certain else None
        has_seen = sight is not None and sight.event_id == _last_seen(scope)
        is_last = sight is not None and sight.is_last
        if has_seen and is_last:
            await end_for_good(send)
            return
        now_ms = time.time_ns() // 1_000_000
        first = heartbeat(now_ms) if sight is None or has_seen else sight.frame(now_ms).body
        ends = is_last or scope["method"] == "HEAD"
        await begin(send, first, ends=ends)
        if not ends:
            seen = sight.mark if sight else NOTHING_SEEN
            stream = Stream(scope, send, seen=seen, expires_at=self._crowd.expiry())
            seat = self._feed.seat(found.reservation, sight, stream)
            with seat, self._crowd.presence(stream):
                await until_gone(receive)


class TicketEndpoint:
    """Hands out tickets."""

    def __init__(self, finder: Finder, callers: Callers, tickets: Tickets) -> None:
        self._finder = finder
        self._callers = callers
        self._tickets = tickets

    def routes(self) -> list[Call]:
        """Where it is mounted."""
        return [Call("/v1/reservations/{id}/ticket", self.issue, ISSUE_TICKET)]

    async def issue(self, request: Request) -> Response:
        """A ticket for one's own reservation."""
        customer = await self._callers.customer(request.scope)
        reservation = reservation_id(request)
        await _owned(self._finder, reservation, customer)
        ticket = await self._tickets.issue(reservation)
        return json_answer(
            to_json({"ticket": ticket.text, "expires_at": timestamp(ticket.expires_at_ms)})
        )


async def _owned(finder: Finder, reservation: UUID, caller: Customer | None) -> Found:
    """The reservation; no caller is one who has shown a ticket for it. Raises a Refusal."""
    found = await finder.glimpse(reservation)
    if isinstance(found, Problem):
        raise Refusal(found)
    check_owner(found, caller)
    return found


def _last_seen(scope: Scope) -> str:
    """The id of the last event that the client has received."""
    sent = header(scope, b"last-event-id")
    if sent is not None:
        return sent.decode("latin-1")
    return QueryParams(scope["query_string"]).get("last_event_id", "")
