"""What a sale is sold at just now: its prices, and the level of its promises."""

from typing import Final

from gateway.admission.definition import Definition
from gateway.admission.durability import Level, is_proven
from gateway.admission.order import Order
from gateway.admission.request import Wanted

# In a rush the same few things are wanted over and over. The longest have 20 KB each.
REMEMBERED_ORDERS: Final = 512


class PriceList:
    """One definition of a sale, and what has been ordered by it before."""

    def __init__(self, definition: Definition, least: Level) -> None:
        self.definition = definition
        self.level = max(least, definition.wanted_level)
        self.label = self.level.label
        self.is_proven = is_proven(self.level, definition.proof)
        # How many replicas must have a checkout before it is acknowledged.
        self.replicas = definition.proof.replicas if self.level is Level.REPLICATED else 0
        self._orders: dict[Wanted, Order] = {}

    def order(self, wanted: Wanted) -> Order | None:
        """What is wanted, at these prices; None where the sale does not have all of it."""
        known = self._orders.get(wanted)
        return self._order(wanted) if known is None else known

    def lacking(self, wanted: Wanted) -> str | None:
        """A sku that the sale does not have."""
        return next((sku for sku, _ in wanted if sku not in self.definition.prices), None)

    def _order(self, wanted: Wanted) -> Order | None:
        if self.lacking(wanted):
            return None
        if len(self._orders) >= REMEMBERED_ORDERS:
            self._orders.clear()
        order = self._orders[wanted] = Order.of_lines(wanted, self.definition)
        return order
