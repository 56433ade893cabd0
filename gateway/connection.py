"""An HTTP connection of uvicorn, with what it lacks: bounds, our problems, and a way to drop it."""

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway.problems import MALFORMED, HeaderLine, Problem
from gateway.request_id import REQUEST_EXTENSION, request_id
from gateway.streams.stream import ABORT_EXTENSION, PUSH_EXTENSION, Push

# A reader counts as slow when more than this waits for it here; what waits further down is kept
# short by `gateway.listener`.
WRITE_BUFFER_BYTES: Final = 16 * 1024
# The longest token that is looked at has 8 KB. What arrives at once is not counted, which is
# another 256 KB at the most.
MAX_HEAD_BYTES: Final = 32 * 1024
# From the connection, or from the first byte of a later request, to the end of the head.
HEAD_DEADLINE_SECONDS: Final = 10.0

NO_HTTP: Final = MALFORMED.because("This is no request in HTTP/1.1.")
HEAD_TOO_LARGE: Final = MALFORMED.because(f"A request's head may have {MAX_HEAD_BYTES} bytes.")

_OF_AN_UPGRADE: Final = frozenset([b"connection", b"upgrade", b"http2-settings"])
_CLOSE: Final[HeaderLine] = (b"connection", b"close")


class Connection(HttpToolsProtocol):
    """Keeps little for a client that does not read or does not finish, and can be dropped.

    Each request has an id, which its answer and whatever is logged of it tell.
    """

    head_deadline_seconds = HEAD_DEADLINE_SECONDS
    _in_head = False
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    # On the clock of the event loop; None while there is something to do.
    _resting_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        # uvloop's transports are of no class of asyncio's, they only do the same.
        super().connection_made(cast("asyncio.Transport", transport))
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """It left, or was told to."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of one request, or of several."""
        self._resting_since = None
        was_in_head = self._in_head
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._feed_without(offer, data)
        except HttpParserError:
            self._refuse(NO_HTTP)
        if self._in_head:
            self._bound_head(len(data) if was_in_head else 0)

    def on_message_begin(self) -> None:
        """A request begins; what tells an application of it is made when its head is here."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Its head is here."""
        self.end_head()
        self._make_scope()
        super().on_headers_complete()

    def _make_scope(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # makes the scope, and forgets what was read
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        self.scope["extensions"] = {ABORT_EXTENSION: {"call": self.transport.abort}}

    def end_head(self) -> None:
        """The head is whole, and nothing that bounds it matters any more."""
        self._in_head = False
        if self._head_timer is not None:
            self._stop_head_timer()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Name the request before, so that even uvicorn's own complaints of it tell the name."""
        request = request_id(dict(cycle.scope["headers"]))
        cycle.scope["extensions"][REQUEST_EXTENSION] = {"id": request}
        cycle.default_headers = [*cycle.default_headers, (b"x-request-id", request.encode())]
        cycle.scope["extensions"][PUSH_EXTENSION] = {"call": partial(self._pusher, cycle)}
        named = logging.LoggerAdapter(cycle.logger, {"request": request})
        cycle.logger = cast("logging.Logger", named)
        super()._start_asgi_task(cycle, app)

    # A stream that is written to a thousand times

    def _pusher(self, cycle: RequestResponseCycle) -> Push | None:
        """What writes chunks of this answer, if it is one in chunks."""
        return partial(self._push, cycle) if cycle.chunked_encoding else None

    def _push(self, cycle: RequestResponseCycle, chunk: bytes) -> bool:
        """Write as uvicorn's `send` does, but neither encode nor wait: False instead."""
        if cycle.disconnected or cycle.response_complete:
            return True
        if self.flow.write_paused:
            return False
        self.transport.write(chunk)
        return True

    # A client that keeps its connection

    def on_response_complete(self) -> None:
        """A request is answered, and the next one may come."""
        self._resting_since = self.loop.time()
        super().on_response_complete()

    def rest(self) -> None:
        """The same where nothing else came meanwhile; a timer that runs already is kept."""
        self.server_state.total_requests += 1
        self._resting_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def timeout_keep_alive_handler(self) -> None:
        """Close, if all the time since was rest; a request does not stop the timer."""
        self.timeout_keep_alive_task = None
        if self._resting_since is None:
            return
        left = self._resting_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            super().timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(
                left, self.timeout_keep_alive_handler
            )

    # A client that offers another protocol

    def _should_upgrade(self) -> bool:
        """uvicorn leaves a request alone that this is true for; `_feed_without` takes it up."""
        return True

    def _feed_without(self, offer: HttpParserUpgrade, data: bytes) -> None:
        """Read what offers another protocol again without that offer, as servers may do.

        The parser takes what follows such an offer for the other protocol, and so loses the body.
        Clients that prefer HTTP/2, such as Java's, offer it with their first request. One offer at
        a time: nobody sends another before the first is answered.
        """
        if self.parser.get_method() == b"CONNECT":
            self._refuse(NO_HTTP)
            return
        head = b"".join(self._head_without_offer())
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        try:
            self.parser.feed_data(head + data[offer.args[0] :])
        except (HttpParserError, HttpParserUpgrade):
            self._refuse(NO_HTTP)

    def _head_without_offer(self) -> Iterator[bytes]:
        yield b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), self.url)
        for name, value in self.headers:
            if name not in _OF_AN_UPGRADE:
                yield b"%b: %b\r\n" % (name, value)
        if not self.parser.should_keep_alive():
            yield b"connection: close\r\n"
        yield b"\r\n"

    # A client that is too slow, or sends too much, or nothing that can be read

    def _bound_head(self, size: int) -> None:
        if self._head_timer is None:
            self._start_head_timer()
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_deadline_seconds, self.transport.close)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, problem: Problem) -> None:
        """Tell what is wrong, and close; it must never pass for the answer to another request."""
        self._in_head = False
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._answer_and_close(problem)
        elif not cycle.more_body:
            # Whatever was asked before is answered, and then the connection ends.
            cycle.keep_alive = False
            self.transport.pause_reading()
        elif self.pipeline or cycle.response_started:
            self.transport.close()
        else:
            self._answer_and_close(problem)

    def _answer_and_close(self, problem: Problem) -> None:
        body = problem.to_json()
        lines = [*problem.header_lines(), (b"content-length", b"%d" % len(body)), _CLOSE]
        head = b"".join(b"%b: %b\r\n" % line for line in lines)
        self.transport.write(STATUS_LINE[problem.status] + head + b"\r\n" + body)
        self.transport.close()
