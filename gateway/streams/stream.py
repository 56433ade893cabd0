"""One client's stream, written to without waiting."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from starlette.types import Scope, Send

from gateway.streams.frame import Frame, Mark

# What `gateway.connection` offers beyond ASGI: to drop the connection at once, and to write a chunk
# that is encoded already.
ABORT_EXTENSION: Final = "doorbuster.abort"
PUSH_EXTENSION: Final = "doorbuster.push"

# False where the connection is full.
Push: TypeAlias = Callable[[bytes], bool]


class Stream:
    """`seen` marks the last state that was written; times are on the monotonic clock.

    It is made once the answer has begun.
    """

    __slots__ = ("_abort", "_push", "_send", "behind_since", "ended", "expires_at", "owed", "seen")

    def __init__(self, scope: Scope, send: Send, *, seen: Mark, expires_at: float) -> None:
        self._send = send
        self._abort = _abort_of(scope)
        self._push = _push_of(scope)
        self.seen = seen
        self.expires_at = expires_at
        self.ended = False
        # What the client gets as soon as its connection takes it: the newest, never more.
        self.owed: Frame | None = None
        self.behind_since = 0.0

    def offer(self, frame: Frame) -> bool:
        """Write what the client has not seen yet; False where its connection is full."""
        if frame.mark <= self.seen:
            return True
        if frame.is_last:
            written = self.end(frame.body)
        elif self._push is None or self.ended:
            written = self.write(frame.body)
        else:
            written = self._push(frame.chunk)
        if written:
            self.seen = frame.mark
        return written

    def write(self, body: bytes) -> bool:
        """Write some events; False where the connection is full."""
        return self._write(body, more=True)

    def end(self, body: bytes) -> bool:
        """Write the last events; False where the connection is full."""
        self.ended = self._write(body, more=False)
        return self.ended

    def abort(self) -> None:
        """Drop the connection, with all that waits in it."""
        self._abort()

    def _write(self, body: bytes, *, more: bool) -> bool:
        if self.ended:
            return True
        message = {"type": "http.response.body", "body": body, "more_body": more}
        try:
            return is_done_at_once(self._send(message))
        except OSError:
            # Some servers tell so that the client has left; its handler will hear it, too.
            self.ended = True
            return True


def is_done_at_once(sending: Awaitable[None]) -> bool:
    """Run it up to where it would wait, and no further.

    This is what lets one task write to thousands of clients. uvicorn's `send` waits before it
    writes, and only while the connection's buffer is full; so one that would wait has written
    nothing, and can be given up for a newer event.
    """
    step = sending.__await__()
    try:
        next(step)
    except StopIteration:
        return True
    step.close()
    return False


def _push_of(scope: Scope) -> Push | None:
    extension = scope.get("extensions", {}).get(PUSH_EXTENSION)
    push: Push | None = extension["call"]() if extension else None
    return push


def _abort_of(scope: Scope) -> Callable[[], None]:
    extension = scope.get("extensions", {}).get(ABORT_EXTENSION)
    return extension["call"] if extension else _leave_it


def _leave_it() -> None:
    """The kernel gives up a connection whose peer takes nothing for long."""
