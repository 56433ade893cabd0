"""What an audit may find, in words that an operator understands, and what mends it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class DriftKind(StrEnum):
    """Which two things disagree."""

    TAKEN = "taken"
    OVERSOLD = "oversold"
    LOWERED = "lowered"
    STOCK = "stock"
    NOT_IN_LEDGER = "not-in-ledger"
    NOT_IN_REDIS = "not-in-redis"
    DIFFERENT = "different"
    COUNT = "count"
    OVER_LIMIT = "over-limit"
    HOLDINGS = "holdings"
    GRANTED = "granted"
    MIRROR = "mirror"
    STUCK_RETURN = "stuck-return"
    RETURNED = "returned"
    OTHER_END = "other-end"
    STREAM = "stream"


class Remedy(StrEnum):
    """What mends it.

    CORRECTION: an entry of the history, or of the ledger's books, that `doorbuster mend` makes.
    REBUILD: Redis is written anew from the ledger. BY_HAND: only a person can decide.
    """

    CORRECTION = "correction"
    REBUILD = "rebuild"
    BY_HAND = "by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a kind of drift means to a shop; `mended_by` may need more than one attempt."""

    means: str
    mended_by: Remedy
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One thing that disagrees.

    `subject` is the sku, the reservation (32 hexadecimal digits) or the customer; `says` has the
    numbers, `units` what they differ by, where they count units.
    """

    kind: DriftKind
    subject: str
    says: str
    units: int = 0

    @property
    def meaning(self) -> Meaning:
        """What it means, and what mends it."""
        return MEANINGS[self.kind]

    def __str__(self) -> str:
        return self.says


MEND: Final = "`doorbuster mend` corrects it"
REBUILD: Final = "`doorbuster rebuild` writes Redis anew from the ledger"

MEANINGS: Final = {
    DriftKind.TAKEN: Meaning(
        means="The ledger's counter is not the sum of its own held and paid rows: a row or the "
        "counter was changed by hand, or tables were restored one by one. The rows count.",
        mended_by=Remedy.CORRECTION,
        how=f"{MEND}: it makes the counter the sum of the rows",
    ),
    DriftKind.OVERSOLD: Meaning(
        means="More units are held and paid than were granted: more was sold than there is.",
        mended_by=Remedy.BY_HAND,
        how="grant the units that are missing, or release orders",
    ),
    DriftKind.LOWERED: Meaning(
        means="The ledger's counter of units taken out is not the sum of the acts on record.",
        mended_by=Remedy.CORRECTION,
        how=f"{MEND} where Redis agrees with one of the two",
    ),
    DriftKind.STOCK: Meaning(
        means="In Redis, what is left and what is held do not add up to what was granted. With "
        "more, units are on sale that do not exist; with fewer, units that exist are not on sale.",
        mended_by=Remedy.CORRECTION,
        how=f"{MEND} by an entry that takes the difference out of the stock, or puts it in; "
        "pause the sale before, if too much is on sale",
    ),
    DriftKind.NOT_IN_LEDGER: Meaning(
        means="A buyer was told of an order that the ledger does not have: it cannot be paid. Its "
        "row was deleted, or parked.",
        mended_by=Remedy.REBUILD,
        how=f"restore the row, if you have it; else {REBUILD}, and the order is gone there too",
    ),
    DriftKind.NOT_IN_REDIS: Meaning(
        means="The ledger has an order that Redis does not know: its buyer's retry would buy "
        "again, and its units are on sale again, or nowhere.",
        mended_by=Remedy.REBUILD,
        how=REBUILD,
    ),
    DriftKind.DIFFERENT: Meaning(
        means="The stores tell of one order differently: its buyer, its lines or its version. "
        "One of them was changed by hand.",
        mended_by=Remedy.REBUILD,
        how=f"correct the row, if it is the wrong one; then {REBUILD}",
    ),
    DriftKind.COUNT: Meaning(
        means="Redis has lost reservations, or has too many: the sale closes until it is proven.",
        mended_by=Remedy.REBUILD,
        how="a reconciler rebuilds it by itself",
    ),
    DriftKind.OVER_LIMIT: Meaning(
        means="A customer holds more than the limit: the limit or an order was changed by hand.",
        mended_by=Remedy.BY_HAND,
        how="release one of their orders, or let them have it",
    ),
    DriftKind.HOLDINGS: Meaning(
        means="Redis' count of what a customer holds is not what their reservations say: they "
        "may buy more than the limit, or less.",
        mended_by=Remedy.REBUILD,
        how=REBUILD,
    ),
    DriftKind.GRANTED: Meaning(
        means="The stores disagree about how many units were granted.",
        mended_by=Remedy.REBUILD,
        how=f"where the ledger is right: {REBUILD}",
    ),
    DriftKind.MIRROR: Meaning(
        means="The ledger's copy of the stock is not Redis' stock: the next sale of this item "
        "would close the sale, and end in a rebuild.",
        mended_by=Remedy.CORRECTION,
        how=f"{MEND} by an entry that brings both to what the reservations leave",
    ),
    DriftKind.STUCK_RETURN: Meaning(
        means="The order is over in the ledger and held in Redis, and nothing is on its way: its "
        "units are not sold again. The row was changed by hand, or its return was lost.",
        mended_by=Remedy.CORRECTION,
        how=f"{MEND}: it asks Redis for the return again",
    ),
    DriftKind.RETURNED: Meaning(
        means="Redis has given the units of an order back that the ledger holds, or has as paid: "
        "they may be sold a second time.",
        mended_by=Remedy.REBUILD,
        how=f"pause the sale; {REBUILD}",
    ),
    DriftKind.OTHER_END: Meaning(
        means="The order is over in both stores, and they differ about how. No unit is concerned.",
        mended_by=Remedy.REBUILD,
        how=REBUILD,
    ),
    DriftKind.STREAM: Meaning(
        means="The sale's history lacks entries that the ledger may still have to read.",
        mended_by=Remedy.REBUILD,
        how=REBUILD,
    ),
}
