"""Lets pages of the shop's origins call the gateway from a browser (the Fetch standard's CORS).

Not Starlette's middleware, because that one puts a coroutine of its own around every `send`, of
which a stream has one for each frame and reader. Here a checkout without an Origin passes through
untouched, and everything else costs a comparison a frame.
"""

from collections.abc import Awaitable, Collection
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.asgi import send_problem
from gateway.problems import FORBIDDEN, HeaderLine

METHODS: Final = b"GET, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS: Final = b"Authorization, Content-Type, Idempotency-Key, If-Match, traceparent"
RESPONSE_HEADERS: Final = b"Location, Retry-After, ETag, Idempotency-Replayed, Age, Cache-Status"
# Chromium forgets a preflight after two hours in any case.
MAX_AGE_SECONDS: Final = 7200

_VARY: Final = (b"vary", b"Origin")
# A cache must not give an answer that grants nothing to a page of the shop.
_CACHEABLE: Final = frozenset(["GET", "HEAD"])


class CrossOrigin:
    """ASGI middleware; `origins` are compared as they are, none means that no other may call.

    No credentials are allowed: tokens travel in a header that the page sets, cookies mean nothing.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode("ascii") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        origin = _first(scope, b"origin")
        if origin is not None and _is_preflight(scope):
            await self._answer_preflight(origin, send)
        elif origin in self._origins:
            await self._app(scope, receive, _adding(_granted(origin), send))
        elif origin is not None or scope["method"] in _CACHEABLE:
            await self._app(scope, receive, _adding([_VARY], send))
        else:
            await self._app(scope, receive, send)

    async def _answer_preflight(self, origin: bytes, send: Send) -> None:
        if origin not in self._origins:
            refused = FORBIDDEN.because("DOORBUSTER_CORS_ORIGINS does not name this origin.")
            await send_problem(send, refused)
            return
        headers = [*_granted(origin), *_PREFLIGHT]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body"})


_PREFLIGHT: Final = (
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", REQUEST_HEADERS),
    (b"access-control-max-age", b"%d" % MAX_AGE_SECONDS),
)


def _is_preflight(scope: Scope) -> bool:
    asked = _first(scope, b"access-control-request-method")
    return scope["method"] == "OPTIONS" and asked is not None


def _first(scope: Scope, name: bytes) -> bytes | None:
    # A browser sends these once; whoever sends them twice fools nobody but themselves.
    for each, value in scope["headers"]:
        if each == name:
            found: bytes = value
            return found
    return None


def _granted(origin: bytes) -> list[HeaderLine]:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", RESPONSE_HEADERS),
        _VARY,
    ]


def _adding(lines: list[HeaderLine], send: Send) -> Send:
    # No coroutine: the awaitable of the server's own `send` is passed on as it is.
    def send_with_lines(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *lines]
        return send(message)

    return send_with_lines
