"""Traces checkouts with OpenTelemetry, where it is switched on; nothing else imports this."""

from collections.abc import Awaitable
from typing import Final

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.request_id import id_of

_CONTEXT: Final = TraceContextTextMapPropagator()
_TRACEPARENT: Final = b"traceparent"


class TracedCheckout:
    """Puts a span around an app that answers checkouts.

    The app finds it as the `traceparent` of the request, and writes it into the ledger as it would
    the caller's: the commit's span is a child of this one.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = self._begin(scope)
        try:
            await self._app(_within(scope, span), receive, _noting(span, send))
        except BaseException as error:
            span.record_exception(error)
            raise
        finally:
            span.end()

    def _begin(self, scope: Scope) -> Span:
        # Not the current one of its context: a script call carries checkouts of many requests.
        return self._tracer.start_span(
            "checkout",
            context=_CONTEXT.extract({"traceparent": _given(scope)}),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": scope["method"],
                "http.route": "/v1/sales/{sale_id}/checkout",
                "doorbuster.sale": scope["path_params"]["sale_id"],
                "doorbuster.request": id_of(scope),
            },
        )


def _given(scope: Scope) -> str:
    given = (text for name, text in scope["headers"] if name == _TRACEPARENT)
    return next(given, b"").decode("latin-1")


def _within(scope: Scope, span: Span) -> Scope:
    here = span.get_span_context()
    carrier = f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"
    others = [header for header in scope["headers"] if header[0] != _TRACEPARENT]
    return {**scope, "headers": [*others, (_TRACEPARENT, carrier.encode())]}


def _noting(span: Span, send: Send) -> Send:
    def send_and_note(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            _note(span, message)
        return send(message)

    return send_and_note


def _note(span: Span, message: Message) -> None:
    span.set_attribute("http.response.status_code", message["status"])
    for name, value in message["headers"]:
        if name == b"location":
            span.set_attribute("doorbuster.reservation", value.decode().rpartition("/")[2])
    if message["status"] >= 500:
        span.set_status(Status(StatusCode.ERROR))
