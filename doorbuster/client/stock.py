"""What is left of a sale, as it changes."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import BeforeValidator, TypeAdapter

from doorbuster.client.stream import EventSource

_TELLS_STOCK: Final = frozenset(["snapshot", "stock"])


def _by_sku(items: list[dict[str, int]]) -> dict[str, int]:
    return {str(item["sku"]): item["available"] for item in items}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The whole state of a sale at a version of it; `items` are the units left by sku."""

    sale_id: str
    state: str
    epoch: int
    version: int
    server_time: datetime
    items: Annotated[Mapping[str, int], BeforeValidator(_by_sku)]

    def is_news_after(self, seen: "Stock | None") -> bool:
        """Whether it is later: by its version, or by a state that the clock has changed."""
        if seen is None:
            return True
        ours, theirs = (self.epoch, self.version), (seen.epoch, seen.version)
        return ours > theirs or (ours == theirs and self.state != seen.state)


_STOCK: Final = TypeAdapter(Stock)


async def stock_of(source: EventSource) -> AsyncGenerator[Stock, None]:
    """Each state once, in order, until the sale is closed. Raises NoStream."""
    seen: Stock | None = None
    async with aclosing(source.events()) as events:
        async for event in events:
            if event.name in _TELLS_STOCK:
                stock = _STOCK.validate_json(event.data)
                if stock.is_news_after(seen):
                    seen = stock
                    yield stock
