"""A reservation as its buyer sees it on a stream."""

from dataclasses import dataclass
from typing import Final

from gateway.finder import Found
from gateway.streams.frame import Frame, Mark, block
from sql.reservations import State

# A later word stands higher: `held` is what Redis admitted and the ledger does not have yet.
_RANKS: Final = {"held": 0, "committed": 1}
_FINAL: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What there is to see of it; `word` names the event that tells of it."""

    found: Found

    @property
    def word(self) -> str:
        """`held`, `committed`, or a final state."""
        state = self.found.reservation.state
        return "committed" if state == State.HELD and self.found.committed else state

    @property
    def is_last(self) -> bool:
        """A final state never changes."""
        return self.word not in _RANKS

    @property
    def event_id(self) -> str:
        """Whoever has seen an event of this id has seen this."""
        return f"{self.word}-{self._deadline_ms}"

    @property
    def mark(self) -> Mark:
        """Orders what is seen: words follow each other, and a deadline only moves forward."""
        return (_RANKS.get(self.word, _FINAL), self._deadline_ms, 0)

    @property
    def _deadline_ms(self) -> int:
        """The deadline, where it is news: until the ledger sets it, it is only estimated."""
        return self.found.reservation.expires_at_ms if self.word == "committed" else 0

    def frame(self, now_ms: int, *, after: "Sight | None" = None) -> Frame:
        """The event; a deadline that moved since `after` is told as `extended`."""
        extended = after is not None and after.word == self.word == "committed"
        event = "extended" if extended else self.word
        document = self.found.reservation.to_json(now_ms)
        body = b"id: %s\n" % self.event_id.encode() + block(event.encode(), document)
        return Frame(mark=self.mark, body=body, is_last=self.is_last)
