"""What is known of a sale's stock, and what a buyer sees of it at a given time."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from gateway.streams.frame import Mark
from lua.announcement import Announcement
from lua.record import Record, state_at

# The clock changes what is seen without a version, in this order only.
_TURNS: Final = {"scheduled": 0, "open": 1, "closed": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A sale's record, as far as buyers watch it; `available` is in the order of the skus.

    `since_ms` is a time on the Redis clock at which this version was not there yet (0: unknown).
    """

    sale_id: str
    epoch: int
    version: int
    state: str
    opens_at_ms: int
    closes_at_ms: int
    available: Mapping[str, int]
    since_ms: int = 0

    def contains(self, announcement: Announcement) -> bool:
        """Whether what was announced is old news."""
        return (self.epoch, self.version) >= (announcement.epoch, announcement.last)

    def after(self, announcement: Announcement, *, since_ms: int) -> "Stock | None":
        """The stock after what was announced; None where only the record can tell.

        A state comes with a window, which is not announced.
        """
        if announcement.state is not None or announcement.epoch != self.epoch:
            return None
        if announcement.first != self.version + 1:
            return None
        if not announcement.stock.keys() <= self.available.keys():
            return None
        return Stock(
            sale_id=self.sale_id,
            epoch=self.epoch,
            version=announcement.last,
            state=self.state,
            opens_at_ms=self.opens_at_ms,
            closes_at_ms=self.closes_at_ms,
            available={**self.available, **announcement.stock},
            since_ms=since_ms,
        )

    def state_at(self, now_ms: int) -> str:
        """The state that a buyer meets at this time on the Redis clock."""
        return state_at(self.state, self.opens_at_ms, self.closes_at_ms, now_ms)

    def at(self, now_ms: int) -> "Sight":
        """What a buyer sees at this time on the Redis clock."""
        return Sight(stock=self, state=self.state_at(now_ms), now_ms=now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A sale's stock as a buyer sees it at `now_ms` on the Redis clock, which is in `state`."""

    stock: Stock
    state: str
    now_ms: int

    @property
    def mark(self) -> Mark:
        """Tells this sight from all others of the sale, and orders them."""
        return (self.stock.epoch, self.stock.version, _TURNS.get(self.state, 0))

    @property
    def is_last(self) -> bool:
        """A closed sale never opens again."""
        return self.state == "closed"

    @property
    def is_settled(self) -> bool:
        """Whether everybody who ever saw this version saw this state.

        They saw it after `since_ms`, and the clock moves a state in one direction only.
        """
        return self.stock.state_at(self.stock.since_ms) == self.state

    @property
    def seconds_to_turn(self) -> float:
        """When the clock alone will change what is seen."""
        if self.stock.state != "open":
            return inf
        turns = (self.stock.opens_at_ms, self.stock.closes_at_ms)
        return min(
            ((turn - self.now_ms) / 1000 for turn in turns if turn > self.now_ms), default=inf
        )

    def lacks(self, skus: Iterable[str]) -> list[str]:
        """Those of the skus that the sale does not have."""
        return [sku for sku in skus if sku not in self.stock.available]

    def items(self, skus: Collection[str] = ()) -> list[tuple[str, int]]:
        """The units left of these items; of all, where none is named."""
        available = self.stock.available
        return [pair for pair in available.items() if not skus or pair[0] in skus]

    def is_urgent_after(self, shown: "Sight") -> bool:
        """Whether buyers should learn of it at once: the state is another, or something sold out.

        What is compared is what they see, so an item that goes back and forth between none and
        one is urgent only as often as it was shown.
        """
        return self.state != shown.state or any(
            units == 0 and shown.stock.available.get(sku) != 0
            for sku, units in self.stock.available.items()
        )


def of_record(sale_id: str, record: Record) -> Stock:
    """The stock in a record, which says nothing of how long it has been there."""
    return Stock(
        sale_id=sale_id,
        epoch=record.epoch,
        version=record.version,
        state=record.state,
        opens_at_ms=record.opens_at_ms,
        closes_at_ms=record.closes_at_ms,
        available={sku: item.available for sku, item in record.items.items()},
    )
