"""What would mend the drifts that an audit has found: corrections, a rebuild, or a person. Pure."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from reconciler.audit import Audit
from reconciler.drift import Drift, DriftKind, Remedy
from reconciler.findings import ItemSums
from sql.corrections import Correction, CorrectionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """Nothing here can mend it, or not now."""

    why: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Redis has to be written anew from the ledger."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The correction of another drift mends this one too."""


Decision: TypeAlias = Correction | Rebuild | ByHand | Covered


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be done, if the sale is still in this epoch; `by_hand` comes with the reason."""

    sale_id: str
    epoch: int
    corrections: list[Correction] = field(default_factory=list)
    rebuild: list[Drift] = field(default_factory=list)
    by_hand: list[tuple[Drift, str]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether everything agrees."""
        return not (self.corrections or self.rebuild or self.by_hand)


def plan(found: Audit) -> Plan:
    """Decide for each drift."""
    made = Plan(sale_id=found.sale_id, epoch=found.epoch)
    items = {each.sku: each for each in found.items}
    for drift in found.drifts:
        _note(made, drift, _decide(drift, items.get(drift.subject), found))
    made.corrections = [_numbered(each, found) for each in made.corrections]
    return made


def _note(made: Plan, drift: Drift, decision: Decision) -> None:
    match decision:
        case Correction():
            made.corrections.append(decision)
        case Rebuild():
            made.rebuild.append(drift)
        case ByHand(why=why):
            made.by_hand.append((drift, why))
        case Covered():
            pass
        case _ as never:
            assert_never(never)


def _numbered(correction: Correction, found: Audit) -> Correction:
    """The next one of its kind, of those that the audit saw: two who find a drift mend it once."""
    last = found.corrections.get((correction.kind, correction.subject), 0)
    return replace(correction, number=last + 1)


def _decide(drift: Drift, item: ItemSums | None, found: Audit) -> Decision:
    if drift.kind is DriftKind.STUCK_RETURN:
        return _correction(CorrectionKind.RETURN, drift, 0, drift.units)
    if item is not None:
        match drift.kind:
            case DriftKind.TAKEN:
                return _taken(drift, item)
            case DriftKind.LOWERED:
                return _lowered(drift, item, found)
            case DriftKind.GRANTED if item.redis_lowered == item.acts != item.lowered:
                return Covered()  # by that of the counter of what was taken out
            case DriftKind.STOCK | DriftKind.MIRROR:
                return _stock(drift, item, found)
    if drift.meaning.mended_by is Remedy.BY_HAND:
        return ByHand(why=drift.meaning.how)
    return Rebuild()


def _taken(drift: Drift, item: ItemSums) -> Decision:
    if not 0 <= item.rows <= item.granted:
        return ByHand(
            why=f"{item.rows} of {item.granted}: grant what is missing, or release orders"
        )
    return _correction(CorrectionKind.TAKEN, drift, item.taken, item.rows)


def _lowered(drift: Drift, item: ItemSums, found: Audit) -> Decision:
    """Two of three are believed: the counter in the ledger, that in Redis, and the acts."""
    if item.sku in found.granted:
        return ByHand(why="its units changed during the audit: look again")
    if item.redis_lowered == item.acts:
        return _correction(CorrectionKind.LOWERED, drift, item.lowered, item.acts)
    if item.redis_lowered == item.lowered > item.acts:
        return _correction(CorrectionKind.ACT, drift, -item.acts, -item.lowered)
    return ByHand(
        why=f"Redis says {item.redis_lowered}, the ledger {item.lowered}, the acts {item.acts}"
    )


def _stock(drift: Drift, item: ItemSums, found: Audit) -> Decision:
    """One entry mends the stock and the mirror of an item."""
    if item.sku in found.pending_corrections:
        return ByHand(why="a correction is on its way: look again")
    if drift.kind is DriftKind.MIRROR and item.surplus != 0:
        return Covered()
    after = item.available - item.surplus
    if after < 0:
        held = f"{item.held} are held of {item.redis_granted}"
        return ByHand(why=f"{held}: grant what is missing, or release orders")
    correction = _correction(CorrectionKind.STOCK, drift, item.available, after)
    return replace(correction, mirrored=item.unmirrored - item.surplus)


def _correction(kind: CorrectionKind, drift: Drift, before: int, after: int) -> Correction:
    return Correction(
        kind=kind,
        subject=drift.subject,
        number=0,
        units=after - before,
        before=before,
        after=after,
        found=drift.says,
    )
