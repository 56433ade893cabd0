"""The events of a stock stream."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

from gateway.representation import timestamp
from gateway.stock.sight import Sight, Stock
from gateway.streams.frame import Frame, block, bye

_EVENT_ID: Final = re.compile(r"(\d{1,15})-(\d{1,15})(-closed)?")


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


def snapshot(sight: Sight, skus: Collection[str] = ()) -> Frame:
    """The first event of a stream, in which the client learns the absolute state."""
    return _frame(b"snapshot", sight, skus)


def change(sight: Sight, skus: Collection[str] = ()) -> Frame:
    """A change, which is told as the absolute state as well."""
    return _frame(b"stock", sight, skus)


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
    body = b"id: %s\n" % event_id + block(event, document(sight, skus))
    if sight.is_last and not sight.is_settled:
        body += b"id: %s-closed\n" % event_id + bye(sight.now_ms)
    return Frame(mark=sight.mark, body=body, is_last=sight.is_last)
