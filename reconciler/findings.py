"""What an audit compared, and what it found to disagree."""

from dataclasses import dataclass, field

from reconciler.drift import Drift, DriftKind


@dataclass(slots=True, kw_only=True)
class Finding:
    """One invariant: what it says, how many things were compared, and each that disagrees."""

    invariant: str
    statement: str
    compared: int = 0
    drifts: list[Drift] = field(default_factory=list)

    def agrees(self, holds: bool) -> bool:  # noqa: FBT001 (a condition, like assert's)
        """Count one comparison, and return how it ended."""
        self.compared += 1
        return holds

    def add(self, kind: DriftKind, subject: str, says: str, units: int = 0) -> None:
        """Name what disagrees."""
        self.drifts.append(Drift(kind=kind, subject=subject, says=says, units=units))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSums:
    """The numbers of an item that were held against each other; all are units.

    Of the ledger: `granted`, `lowered`, `acts` (taken out, by the acts on record), `taken`, `rows`
    (held and paid, by the rows), `mirror`. Of Redis: `redis_granted`, `redis_lowered`, `available`,
    `held` (by the reservations), and `unmirrored`, by how much it had more available than the
    mirror when the ledger had read as much.
    """

    sku: str
    granted: int
    lowered: int
    acts: int
    taken: int
    rows: int
    mirror: int
    redis_granted: int
    redis_lowered: int
    available: int
    held: int
    unmirrored: int

    @property
    def surplus(self) -> int:
        """By how many units Redis offers more than there are."""
        return self.available + self.held - self.redis_granted
