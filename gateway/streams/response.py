"""A stream as an answer on ASGI.

Whatever is wrong and may pass is answered with 200, a time to come back, and the end of the stream:
an EventSource gives up for good on any other status.
"""

from typing import Final

from starlette.types import Receive, Send

from gateway.streams.frame import AFTER_LOSS, AFTER_OVERLOAD

_NO_STORE: Final = (b"cache-control", b"no-store")
_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    _NO_STORE,
    # nginx would hold events back until its buffer is full.
    (b"x-accel-buffering", b"no"),
)


async def begin(send: Send, first: bytes, *, ends: bool) -> None:
    """Answer with the first event, which may be the last."""
    await _send(send, 200, AFTER_LOSS.line() + first, ends=ends)


async def send_away(send: Send) -> None:
    """Let the client come again later."""
    await _send(send, 200, AFTER_OVERLOAD.line() + b"\n", ends=True)


async def end_for_good(send: Send) -> None:
    """Let an EventSource that has seen the end stop coming back."""
    await _send(send, 204, b"", ends=True)


async def until_gone(receive: Receive) -> None:
    """Return when the client has left, or its stream was ended."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, status: int, body: bytes, *, ends: bool) -> None:
    # Also where there is nothing: a cache may keep a 204 as it pleases (RFC 9110, 15.3.5).
    headers = [_NO_STORE] if status == 204 else [*_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": not ends})
