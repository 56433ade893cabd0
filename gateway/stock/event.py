"""What goes over a stock stream: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from random import SystemRandom
from typing import Final

from pydantic_core import to_json

from gateway.representation import timestamp
from gateway.stock.sight import Mark, Sight, Stock

_random = SystemRandom()
_EVENT_ID: Final = re.compile(r"(\d{1,15})-(\d{1,15})(-closed)?")


@dataclass(frozen=True, slots=True)
class RetryRange:
    """When a browser may come back. EventSource has no jitter of its own, so each is told its own
    time: those who were sent away together must not return together.
    """

    shortest_ms: int
    longest_ms: int

    def line(self) -> bytes:
        """The field for one browser."""
        return b"retry: %d\n" % _random.randint(self.shortest_ms, self.longest_ms)


AFTER_LOSS: Final = RetryRange(1_000, 5_000)
AFTER_BYE: Final = RetryRange(500, 5_000)
AFTER_OVERLOAD: Final = RetryRange(5_000, 30_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventId:
    """`<epoch>-<version>`, the id of the last event that a client received.

    `saw_close` is told by the id of the `bye` that ends a sale which the clock closed: by its
    version alone, nobody could tell who was there for the end.
    """

    epoch: int
    version: int
    saw_close: bool = False

    @classmethod
    def parse(cls, text: str) -> "EventId | None":
        """The id that a client sent; None for one that is not ours."""
        match = _EVENT_ID.fullmatch(text)
        if match is None:
            return None
        epoch, version, close = match.groups()
        return cls(epoch=int(epoch), version=int(version), saw_close=close is not None)

    def is_ahead_of(self, stock: Stock) -> bool:
        """Whether the client has seen more than this process; it must not be shown less."""
        return (self.epoch, self.version) > (stock.epoch, stock.version)

    def covers(self, sight: Sight) -> bool:
        """Whether the client has certainly seen this."""
        if (self.epoch, self.version) != (sight.stock.epoch, sight.stock.version):
            return False
        return sight.is_settled or (self.saw_close and sight.is_last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An event as it is written to every stream: encoded once, and the last one or not."""

    mark: Mark
    body: bytes
    is_last: bool


def snapshot(sight: Sight, skus: Collection[str] = ()) -> Frame:
    """The first event of a stream, in which the client learns the absolute state."""
    return _frame(b"snapshot", sight, skus)


def change(sight: Sight, skus: Collection[str] = ()) -> Frame:
    """A change, which is told as the absolute state as well."""
    return _frame(b"stock", sight, skus)


def heartbeat(now_ms: int) -> bytes:
    """Proof of life: a client that hears none for long should connect anew."""
    return _block(b"heartbeat", to_json({"server_time": timestamp(now_ms)}))


def bye(now_ms: int) -> bytes:
    """The server ends the stream."""
    return _block(b"bye", to_json({"server_time": timestamp(now_ms)}))


def document(sight: Sight, skus: Collection[str] = ()) -> bytes:
    """The JSON that an event carries."""
    return to_json(
        {
            "sale_id": sight.stock.sale_id,
            "state": sight.state,
            "epoch": sight.stock.epoch,
            "version": sight.stock.version,
            "server_time": timestamp(sight.now_ms),
            "items": [{"sku": sku, "available": units} for sku, units in sight.items(skus)],
        }
    )


def _frame(event: bytes, sight: Sight, skus: Collection[str]) -> Frame:
    event_id = b"%d-%d" % (sight.stock.epoch, sight.stock.version)
    body = b"id: %s\n" % event_id + _block(event, document(sight, skus))
    if sight.is_last and not sight.is_settled:
        body += b"id: %s-closed\n" % event_id + bye(sight.now_ms)
    return Frame(mark=sight.mark, body=body, is_last=sight.is_last)


def _block(event: bytes, data: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event, data)
