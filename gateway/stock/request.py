"""Which sale's stock a request is about, and of which items."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.types import Scope

from gateway.asgi import header
from gateway.problems import UNKNOWN_SALE, UNKNOWN_SKU, Refusal
from gateway.sales import SaleLookup, is_sale_id
from gateway.stock.audience import Skus
from gateway.stock.event import EventId
from gateway.stock.feed import StockFeed
from gateway.stock.sight import Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRequest:
    """What the two endpoints read of a request; `last_seen` is what the client has already."""

    sale_id: str
    skus: Skus
    last_seen: EventId | None

    @classmethod
    def parse(cls, scope: Scope) -> "StockRequest":
        """Read it. Raises a Refusal."""
        query = QueryParams(scope["query_string"])
        # A reconnecting EventSource sends the header, and keeps the query that it began with.
        last_event_id = header(scope, b"last-event-id") or query.get("last_event_id", "").encode()
        return cls(
            sale_id=scope["path_params"]["sale_id"],
            skus=frozenset(query.getlist("sku")),
            last_seen=EventId.parse(last_event_id.decode("latin-1")),
        )

    def has_seen(self, sight: Sight) -> bool:
        """Whether the client has certainly seen this."""
        return self.last_seen is not None and self.last_seen.covers(sight)

    async def check_sale(self, feed: StockFeed, lookup: SaleLookup) -> None:
        """Raise a Refusal where there certainly is no such sale.

        While the ledger is down nobody can tell, and Redis may have it.
        """
        if feed.knows(self.sale_id):
            return
        if not is_sale_id(self.sale_id) or await lookup(self.sale_id) is False:
            raise Refusal(UNKNOWN_SALE)

    def check_skus(self, sight: Sight) -> None:
        """Raise a Refusal where the sale has none of an item: it would never be heard of."""
        if unknown := sight.lacks(self.skus):
            raise Refusal(UNKNOWN_SKU.because("The sale has no such item.", skus=unknown))
