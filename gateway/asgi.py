"""What the hot path needs of HTTP, straight on ASGI: no request object, no response object.

Routing, Request and Response cost about two fifths of a small request, so the checkout and the
streams do without; all other endpoints use Starlette as it is meant.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.problems import BODY_TOO_LARGE, BODY_TOO_SLOW, MALFORMED, HeaderLine, Problem, Refusal

# A checkout of a hundred lines with the longest skus has 10 KB.
MAX_BODY_BYTES: Final = 16 * 1024
# A phone on a bad line needs a second for that; whoever takes longer only holds the connection.
BODY_DEADLINE_SECONDS: Final = 5.0

_JSON: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class Refusing:
    """Lets an app raise a Refusal before its first `send`, and be left by its client at any time.

    Such an app needs no exception handlers of Starlette's above it. It is an object because
    Starlette's Route takes a function for an endpoint that answers a Request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Refusal as refusal:
            await send_problem(send, refusal.problem)
        except ClientDisconnect:
            return


def header(scope: Scope, name: bytes) -> bytes | None:
    """The value of a header that may stand once; `name` is in lower case, as ASGI has it.

    Raises a Refusal where it stands twice: whoever is in between could have read the other one.
    """
    found: bytes | None = None
    for each, value in scope["headers"]:
        if each == name:
            if found is not None:
                raise Refusal(MALFORMED.because(f"The header {name.decode()} stands twice."))
            found = value
    return found


async def read_body(receive: Receive, *, most: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, of `most` bytes.

    Raises a Refusal for one that is too large or too slow, and ClientDisconnect if the client
    left within it.
    """
    try:
        async with asyncio.timeout(BODY_DEADLINE_SECONDS):
            return await _receive_all(receive, most)
    except TimeoutError as error:
        deadline = f"The body took longer than {BODY_DEADLINE_SECONDS:g} seconds."
        raise Refusal(BODY_TOO_SLOW.because(deadline)) from error


async def _receive_all(receive: Receive, most: int) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > most:
            raise Refusal(BODY_TOO_LARGE.because(f"A body may have {most} bytes."))
        if not message.get("more_body", False):
            return body


async def send_json(
    send: Send, status: int, body: bytes, headers: Iterable[HeaderLine] = ()
) -> None:
    """Answer with a JSON body that is encoded already."""
    await _send(send, status, body, json_lines(body, headers))


async def send_problem(send: Send, problem: Problem) -> None:
    """Answer with a problem."""
    body = problem.to_json()
    await _send(send, problem.status, body, problem_lines(problem, body))


def json_lines(body: bytes, headers: Iterable[HeaderLine] = ()) -> list[HeaderLine]:
    """All header lines of an answer with that JSON body."""
    return [*_JSON, *headers, _length(body)]


def problem_lines(problem: Problem, body: bytes) -> list[HeaderLine]:
    """All header lines of an answer that tells the problem by that body."""
    return [*problem.header_lines(), _length(body)]


def _length(body: bytes) -> HeaderLine:
    return (b"content-length", b"%d" % len(body))


async def _send(send: Send, status: int, body: bytes, headers: list[HeaderLine]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
