"""One watched reservation, and who watches it."""

from uuid import UUID

from gateway.orders.sight import Sight
from gateway.streams.frame import NOTHING_SEEN, Frame, Mark
from gateway.streams.stream import Stream


class Watch:
    """`shown` is the newest that is known; None where neither store could tell for certain."""

    __slots__ = ("id", "sale_id", "shown", "streams")

    def __init__(self, id_: UUID, sale_id: str) -> None:
        self.id = id_
        self.sale_id = sale_id
        self.shown: Sight | None = None
        self.streams: set[Stream] = set()

    @property
    def mark(self) -> Mark:
        """That of what is shown."""
        return self.shown.mark if self.shown else NOTHING_SEEN

    def turn_to(self, sight: Sight, now_ms: int) -> Frame | None:
        """The event that shows it; None where nothing of it is new."""
        if sight.mark <= self.mark:
            return None
        before, self.shown = self.shown, sight
        return sight.frame(now_ms, after=before)
