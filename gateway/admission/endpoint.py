"""`POST /v1/sales/{sale_id}/checkout`, straight on ASGI."""

import logging
import re
from time import perf_counter
from typing import Final
from uuid import UUID

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from gateway.admission.answer import Answer, CheckoutRequest, Pending, Reserved
from gateway.admission.desk import Desk
from gateway.admission.request import idempotency_key, parse_checkout
from gateway.asgi import header, read_body, send_json, send_problem
from gateway.counts import AdmissionCounts
from gateway.identity import Callers
from gateway.problems import UNKNOWN_SALE, HeaderLine, Problem, Refusal
from gateway.request_id import id_of
from gateway.sales import is_sale_id

log = logging.getLogger(__name__)

# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REPLAYED: Final = (b"idempotency-replayed", b"true")


class CheckoutEndpoint:
    """An ASGI app for one route; it may raise a Refusal before it sends."""

    def __init__(self, desk: Desk, callers: Callers, counts: AdmissionCounts) -> None:
        self._desk = desk
        self._callers = callers
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match await self._counted(scope, receive):
            case Reserved() as answer:
                await _send_reserved(send, answer)
            case Pending(id=reservation):
                ids = {"request": id_of(scope), "reservation": reservation}
                log.debug("nobody knows yet what came of a checkout", extra=ids)
                await _send_pending(send, reservation)
            case Problem() as problem:
                await send_problem(send, problem)

    async def _counted(self, scope: Scope, receive: Receive) -> Answer:
        began = perf_counter()
        try:
            answer = await self._desk.checkout(await self._parse(scope, receive))
        except Refusal as refusal:
            self._counts.answered(refusal.problem.code, began=began)
            raise
        self._counts.answered(_outcome(answer), began=began)
        return answer

    async def _parse(self, scope: Scope, receive: Receive) -> CheckoutRequest:
        customer = await self._callers.customer(scope)
        sale_id = scope["path_params"]["sale_id"]
        if not is_sale_id(sale_id):
            raise Refusal(UNKNOWN_SALE)
        key = idempotency_key(scope)
        return CheckoutRequest(
            sale_id=sale_id,
            customer=customer,
            idempotency_key=key,
            wanted=parse_checkout(scope, await read_body(receive)),
            traceparent=_traceparent(scope),
        )


def _outcome(answer: Answer) -> str:
    match answer:
        case Reserved(replayed=replayed):
            return "replayed" if replayed else "admitted"
        case Pending():
            return "pending"
        case Problem(code=code):
            return code


def _traceparent(scope: Scope) -> str | None:
    value = header(scope, b"traceparent")
    return value.decode() if value and _TRACEPARENT.fullmatch(value) else None


def _location(reservation: UUID) -> HeaderLine:
    return (b"location", b"/v1/reservations/" + str(reservation).encode())


async def _send_reserved(send: Send, answer: Reserved) -> None:
    headers = [_location(answer.reservation.id)]
    if answer.replayed:
        headers.append(_REPLAYED)
    body = answer.reservation.to_json(answer.server_time_ms)
    await send_json(send, 200 if answer.replayed else 201, body, headers)


async def _send_pending(send: Send, reservation: UUID) -> None:
    body = to_json({"id": str(reservation), "state": "unknown"})
    headers = [_location(reservation), (b"retry-after", b"1")]
    await send_json(send, 202, body, headers)
