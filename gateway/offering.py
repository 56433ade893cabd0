"""A connection that offers requests to be answered at once, before the application sees them."""

import logging
from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.at_once import AnswersAtOnce, TakesNothing
from gateway.connection import Connection
from gateway.problems import HeaderLine
from gateway.request_id import request_id
from gateway.turns import TOO_LONG_SECONDS, Turns

log = logging.getLogger(__name__)


class OfferingConnection(Connection):
    """Offers what has arrived whole within one reading, on a connection that is in order.

    Everything else takes the way through ASGI: a body that is late or in pieces, a request that
    came before the last one was answered, a header that stands twice, a client that does not read,
    one that waits for 100 or closes. What is offered waits for its turn.
    """

    at_once: AnswersAtOnce = TakesNothing()
    turns: Turns
    _offered: "Offered | None" = None

    def data_received(self, data: bytes) -> None:
        """Some bytes of one request, or of several."""
        super().data_received(data)
        offered = self._offered
        if offered is not None and not offered.is_in_line:
            self._offer(offered)

    def on_message_begin(self) -> None:
        """A request begins, perhaps behind one that was not offered yet: they keep their order."""
        if self._offered is not None:
            self._leave_to_app(self._offered)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is here."""
        headers = dict(self.headers)
        if (
            len(headers) == len(self.headers)
            and self._is_in_order()
            and self.at_once.may_take(self.parser.get_method(), self.url)
        ):
            self.end_head()
            self._offered = Offered(self, self.url, headers)
            self.cycle = cast("RequestResponseCycle", self._offered)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of its body is here."""
        offered = self._offered
        if offered is not None and not offered.body:
            offered.body = body
            return
        if offered is not None:
            self._leave_to_app(offered)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        if self._offered is None:
            super().on_message_complete()
        else:
            self._offered.more_body = False

    def _is_in_order(self) -> bool:
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
            and not self.flow.write_paused
            and not self.parser.should_upgrade()
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
        )

    def _offer(self, offered: "Offered") -> None:
        if self.transport.is_closing():
            self._offered = None
        elif offered.more_body:
            self._leave_to_app(offered)
        elif self.turns.is_slow:
            self._turn_away(offered)
        else:
            offered.is_in_line = True
            self.turns.join(partial(self._serve, offered))

    def _serve(self, offered: "Offered") -> None:
        """It is its turn, unless the application has it already, or its client left."""
        if self._offered is not offered:
            return
        if self.transport.is_closing():
            self._offered = None
        elif perf_counter() - offered.at > TOO_LONG_SECONDS:
            self._turn_away(offered)
        elif self._is_taken(offered):
            self._offered = None
        else:
            self._leave_to_app(offered)

    def _turn_away(self, offered: "Offered") -> None:
        self._offered = None
        self.at_once.turn_away(offered, offered.answer)

    def _is_taken(self, offered: "Offered") -> bool:
        try:
            return self.at_once.take(offered, offered.answer)
        except Exception:
            # The application will meet it too, and tells its client.
            log.exception("a request could not be answered at once")
            return False

    def _leave_to_app(self, offered: "Offered") -> None:
        """Go on as if it had not been offered, with what has arrived of it."""
        self._offered = None
        # What came before it was answered, or it would not have been offered.
        self.cycle = cast("RequestResponseCycle", None)
        super().on_headers_complete()
        if offered.body:
            super().on_body(offered.body)
        if not offered.more_body:
            super().on_message_complete()

    def finish(self, answered: "Offered", answer: bytes) -> None:
        """Write the answer, and go on as after any other."""
        self.transport.write(answer)
        if not answered.keep_alive:
            self.transport.close()
        if self.pipeline or self.flow.read_paused or self.transport.is_closing():
            self.on_response_complete()
        else:
            self.rest()


def offering(at_once: AnswersAtOnce, turns: Turns) -> type[OfferingConnection]:
    """Connections that offer requests to this, in turns; uvicorn makes them by themselves."""
    members = {"at_once": at_once, "turns": turns}
    return type("OfferingConnection", (OfferingConnection,), members)


class _NobodyWaits:
    """Stands for the event that a cycle's `receive` waits for."""

    def set(self) -> None:
        """Nothing to do."""


class Offered:
    """A request that is offered, or answered just now; to uvicorn, a cycle as its own."""

    __slots__ = (
        "_connection",
        "_default_lines",
        "at",
        "body",
        "disconnected",
        "headers",
        "id",
        "is_in_line",
        "keep_alive",
        "more_body",
        "response_complete",
        "response_started",
        "url",
    )
    message_event: Final = _NobodyWaits()

    def __init__(
        self, connection: OfferingConnection, url: bytes, headers: Mapping[bytes, bytes]
    ) -> None:
        self.id = request_id(headers)
        self.at = perf_counter()
        self.url = url
        self.headers = headers
        self.body = b""
        self.is_in_line = False
        self.more_body = True
        self.keep_alive = True
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self._connection = connection
        self._default_lines = connection.server_state.default_headers

    def answer(self, status: int, lines: list[HeaderLine], body: bytes) -> None:
        """Answer it; who has left hears nothing."""
        self.response_started = self.response_complete = True
        if self.disconnected:
            return
        parts = [STATUS_LINE[status]]
        is_closing = False
        for name, value in self._default_lines:
            parts += (name, b": ", value, b"\r\n")
            is_closing = is_closing or name == b"connection"  # as a server that drains says
        parts += (b"x-request-id: ", self.id.encode(), b"\r\n")
        for name, value in lines:
            parts += (name, b": ", value, b"\r\n")
        if not (self.keep_alive or is_closing):
            parts.append(b"connection: close\r\n")
        self.keep_alive = self.keep_alive and not is_closing
        self._connection.finish(self, b"".join([*parts, b"\r\n", body]))
