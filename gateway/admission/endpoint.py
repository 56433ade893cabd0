"""`POST /v1/sales/{sale_id}/checkout`, straight on ASGI."""

import logging
import re
from collections.abc import Callable
from functools import lru_cache, partial
from time import perf_counter
from typing import Final, TypeAlias
from uuid import UUID

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from gateway.admission.answer import Answer, CheckoutRequest, Pending, Reserved
from gateway.admission.desk import Desk
from gateway.admission.request import idempotency_key, parse_checkout
from gateway.asgi import MAX_BODY_BYTES, header, json_lines, problem_lines, read_body
from gateway.at_once import AnswerAtOnce, Arrived
from gateway.counts import AdmissionCounts
from gateway.identity import Callers, Customer
from gateway.problems import INTERNAL, OVERLOADED, UNKNOWN_SALE, HeaderLine, Problem, Refusal
from gateway.request_id import id_of
from gateway.sales import is_sale_id

log = logging.getLogger(__name__)

# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
# A checkout without anything unusual: no query, and a sale id that needs no second look.
_URL: Final = re.compile(rb"/v1/sales/([A-Za-z0-9._-]{1,64})/checkout")
_REPLAYED: Final = (b"idempotency-replayed", b"true")


class CheckoutEndpoint:
    """An ASGI app for one route; it may raise a Refusal before it sends."""

    def __init__(self, desk: Desk, callers: Callers, counts: AdmissionCounts) -> None:
        self._desk = desk
        self._callers = callers
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._counted(scope, receive)
        status, lines, body = _told(id_of(scope), answer)
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    def may_take(self, method: bytes, url: bytes) -> bool:
        """Whether it is a checkout; see `gateway.at_once`."""
        return method == b"POST" and _sale_id(url) is not None

    def take(self, arrived: Arrived, answer: AnswerAtOnce) -> bool:
        """Have it answered, unless it has to be looked at in another way before."""
        sale_id, headers, body = _sale_id(arrived.url), arrived.headers, arrived.body
        if sale_id is None or len(body) > MAX_BODY_BYTES or b"origin" in headers:
            return False
        try:
            customer = self._callers.customer_at_once(headers.get(b"authorization"))
            if customer is None:
                return False
            request = _parse(sale_id, customer, headers.get, body, arrived.at)
        except Refusal as refusal:
            self._refuse(arrived, answer, refusal.problem)
            return True
        return self._desk.checkout_at_once(request, partial(self._tell, arrived, answer))

    def turn_away(self, arrived: Arrived, answer: AnswerAtOnce) -> None:
        """Answer that too many are waiting."""
        self._refuse(arrived, answer, OVERLOADED)

    def _refuse(self, arrived: Arrived, answer: AnswerAtOnce, problem: Problem) -> None:
        self._counts.answered(problem.code, began=arrived.at)
        answer(*_told(arrived.id, problem))

    def _tell(self, arrived: Arrived, answer: AnswerAtOnce, told: Answer) -> None:
        try:
            self._counts.answered(_outcome(told), began=arrived.at)
            answer(*_told(arrived.id, told))
        # Whoever shares the call must not suffer by a defect that one of them meets.
        except Exception:
            log.exception("a checkout could not be answered", extra={"request": arrived.id})
            answer(*_told(arrived.id, INTERNAL))

    async def _counted(self, scope: Scope, receive: Receive) -> Answer:
        began = perf_counter()
        try:
            answer = await self._desk.checkout(await self._receive(scope, receive))
        except Refusal as refusal:
            self._counts.answered(refusal.problem.code, began=began)
            raise
        self._counts.answered(_outcome(answer), began=began)
        return answer

    async def _receive(self, scope: Scope, receive: Receive) -> CheckoutRequest:
        customer = await self._callers.customer(scope)
        sale_id = scope["path_params"]["sale_id"]
        if not is_sale_id(sale_id):
            raise Refusal(UNKNOWN_SALE)
        # What is wrong with the key is told before the body is waited for.
        idempotency_key(header(scope, b"idempotency-key"))
        body = await read_body(receive)
        return _parse(sale_id, customer, partial(header, scope), body, perf_counter())


# Ids of sales that do not exist push each other out.
@lru_cache(maxsize=1024)
def _sale_id(url: bytes) -> str | None:
    match = _URL.fullmatch(url)
    return match and match[1].decode()


def _parse(
    sale_id: str,
    customer: Customer,
    header_of: Callable[[bytes], bytes | None],
    body: bytes,
    since: float,
) -> CheckoutRequest:
    return CheckoutRequest(
        sale_id=sale_id,
        customer=customer,
        idempotency_key=idempotency_key(header_of(b"idempotency-key")),
        wanted=parse_checkout(header_of(b"content-type"), body),
        traceparent=_traceparent(header_of(b"traceparent")),
        since=since,
    )


def _outcome(answer: Answer) -> str:
    match answer:
        case Problem():
            return answer.code
        case Reserved():
            return "replayed" if answer.replayed else "admitted"
        case Pending():
            return "pending"


def _traceparent(value: bytes | None) -> str | None:
    return value.decode() if value and _TRACEPARENT.fullmatch(value) else None


# Status, header lines and body.
_Told: TypeAlias = tuple[int, list[HeaderLine], bytes]


def _told(request: str, answer: Answer) -> _Told:
    """The answer in the words of HTTP."""
    match answer:
        case Problem():
            body = answer.to_json()
            return answer.status, problem_lines(answer, body), body
        case Reserved():
            return _reserved(answer)
        case Pending(id=reservation):
            ids = {"request": request, "reservation": reservation}
            log.debug("nobody knows yet what came of a checkout", extra=ids)
            return _pending(reservation)


def _reserved(answer: Reserved) -> _Told:
    body = answer.reservation.to_json(answer.server_time_ms)
    location = _location(answer.reservation.id)
    if answer.replayed:
        return 200, json_lines(body, (location, _REPLAYED)), body
    return 201, json_lines(body, (location,)), body


def _pending(reservation: UUID) -> _Told:
    body = to_json({"id": str(reservation), "state": "unknown"})
    return 202, json_lines(body, (_location(reservation), (b"retry-after", b"1"))), body


def _location(reservation: UUID) -> HeaderLine:
    return (b"location", b"/v1/reservations/" + str(reservation).encode())
