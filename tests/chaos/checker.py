"""What must hold of a history and of the books, whatever was done to the servers. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from chaos import sequence
from chaos.books import Books, Row
from chaos.history import UNKNOWN, Checkout, History, Settlement, Strike
from chaos.violation import Violation

from sql.alarms import AlarmKind

# Answers that say for certain that nothing was reserved.
REFUSED = frozenset({409, 429, 503})
TOLD_SETTLED = 200
# How far back a log that is cut may reach, or what a ledger that was away had not read; and how
# long an answer may be on its way.
LOSS_REACHES_SECONDS = (5.0, 2.0)
OF_A_LOSS = frozenset({AlarmKind.REBUILT, AlarmKind.LOST, AlarmKind.NOT_ADOPTED})
DENIED = frozenset({"unknown-reservation", "unknown-sale"})


Check = Callable[[History, Books], Iterable[Violation]]


def check(history: History, books: Books) -> list[Violation]:
    """Everything that does not hold."""
    return [violation for each in CHECKS for violation in each(history, books)]


def lost_orders(history: History, books: Books) -> list[Checkout]:
    """Whoever was told of a reservation that the ledger does not have, once each."""
    kept = {row.id for row in books.rows}
    return list({c.id: c for c in history.checkouts if c.reserved and c.id not in kept}.values())


def rolled_back(history: History, told_at: float) -> bool:
    """Whether a rollback of the ledger may have taken away what was told then."""
    return any(_took_back(strike, told_at) for strike in history.strikes)


# Stock


def never_oversold(_: History, books: Books) -> Iterator[Violation]:
    """I1: held and paid units are what is taken, and no more than was granted."""
    units = _units(row for row in books.rows if row.active)
    for sku, item in books.items.items():
        if not units[sku] == item.taken <= item.granted:
            what = f"{sku}: {units[sku]} active, {item.taken} taken, {item.granted} granted"
            yield Violation(invariant="I1", what=what)


def never_sold_twice(history: History, books: Books) -> Iterator[Violation]:
    """I1, from what payers were told alone: paid units are no more than was granted."""
    wanted = {c.id: c.lines for c in history.checkouts if c.reserved}
    paid: Counter[str] = Counter()
    for id_ in {each.id for each in _kept(history, _told(history, "confirm"))}:
        paid.update(wanted.get(id_, {}))
    for sku, item in books.items.items():
        if paid[sku] > item.granted:
            what = f"{sku}: {paid[sku]} units are told as paid, {item.granted} granted"
            yield Violation(invariant="I1", what=what)


def conserved(_: History, books: Books) -> Iterator[Violation]:
    """I2: what is available in Redis and what is taken make up what was granted."""
    for sku, item in books.items.items():
        if item.available < 0 or item.available + item.taken != item.granted:
            what = f"{sku}: {item.available} available, {item.taken} taken, {item.granted} granted"
            yield Violation(invariant="I2", what=what)


# Orders


def nothing_lost(history: History, books: Books) -> Iterator[Violation]:
    """I4: each acknowledged order is in the ledger, or an alarm has counted it as lost."""
    lost = lost_orders(history, books)
    beyond = [each for each in lost if not rolled_back(history, each.ended)]
    tolerated = books.reported_lost if any(s.loses_redis for s in history.strikes) else 0
    if len(beyond) > tolerated:
        first = [(each.id, each.version) for each in beyond[:5]]
        what = f"{len(beyond)} acknowledged orders are lost, {tolerated} are reported: {first}"
        yield Violation(invariant="I4", what=what)


def lost_where_possible(history: History, books: Books) -> Iterator[Violation]:
    """I4: what is lost was told about when something struck that could lose it."""
    for told in lost_orders(history, books):
        if not any(_may_have_lost(strike, told.ended) for strike in history.strikes):
            what = f"{told.id} was told at {told.ended:.1f}, and nothing that loses struck then"
            yield Violation(invariant="I4", what=what)


def rollback_noticed(history: History, books: Books) -> Iterator[Violation]:
    """I4: a ledger that came back older than it was is called so."""
    struck = sum(strike.ledger_lost_from is not None for strike in history.strikes)
    noticed = sum(alarm.kind == AlarmKind.ROLLED_BACK for alarm in books.alarms)
    if noticed < struck:
        what = f"{struck} times the ledger was rolled back, {noticed} times that was noticed"
        yield Violation(invariant="I4", what=what)


def alarmed_for_a_reason(history: History, books: Books) -> Iterator[Violation]:
    """Nothing contradicts the ledger that was not taken back, or is called lost that was not.

    A recovery that died after the ledger had let it through is followed by a rebuild of all of it.
    """
    losing = any(strike.loses_redis or strike.apart for strike in history.strikes)
    rolled = any(strike.ledger_lost_from is not None for strike in history.strikes)
    for alarm in books.alarms:
        harmless = alarm.lost is not None and alarm.lost[1] == 0
        if not (harmless or (losing if alarm.kind in OF_A_LOSS else rolled)):
            yield Violation(invariant="alarms", what=f"{alarm.kind}: {alarm.what}")


def exactly_once(history: History, books: Books) -> Iterator[Violation]:
    """I5: an order is in the ledger once, as it was told; no change is two orders."""
    for what, number in Counter(row.id for row in books.rows).items():
        if number > 1:
            yield Violation(invariant="I5", what=f"{what} is in the ledger {number} times")
    for place, number in Counter((row.epoch, row.version) for row in books.rows).items():
        if number > 1:
            yield Violation(invariant="I5", what=f"{number} orders are change {place}")
    rows = {row.id: row for row in books.rows}
    for told in history.checkouts:
        row = rows.get(told.id) if told.reserved else None
        if row and (row.customer, dict(row.lines)) != (told.customer, dict(told.lines)):
            yield Violation(invariant="I5", what=f"{told.id}: told {told.lines}, kept {row.lines}")


def nothing_unasked(history: History, books: Books) -> Iterator[Violation]:
    """I5: an order that is in the ledger was told, or its outcome never was."""
    by_customer: dict[str, set[str]] = defaultdict(set)
    open_ = {c.customer for c in history.checkouts if c.status in UNKNOWN and not c.id}
    for checkout in history.checkouts:
        if checkout.status not in REFUSED:
            by_customer[checkout.customer].add(checkout.id)
    for row in books.rows:
        asked = row.replaces or row.id
        if asked not in by_customer[row.customer] and row.customer not in open_:
            what = f"{row.customer} was told each time that nothing happened, and has {row.id}"
            yield Violation(invariant="I5", what=what)


def within_limits(_: History, books: Books) -> Iterator[Violation]:
    """I6: nobody holds or has paid more than the limit."""
    held: Counter[tuple[str, str]] = Counter()
    for row in books.rows:
        if row.active:
            held.update({(row.customer, sku): units for sku, units in row.lines.items()})
    for (customer, sku), units in held.items():
        if units > books.items[sku].limit > 0:
            yield Violation(invariant="I6", what=f"{customer} has {units} of {sku}")


def at_rest(_: History, books: Books) -> Iterator[Violation]:
    """I7: both stores say the same once nothing moves, and `audit` finds nothing."""
    for what in books.disagreements:
        yield Violation(invariant="I7", what=what)


def settled_once(history: History, books: Books) -> Iterator[Violation]:
    """I9: paid stays paid, released stays released, and whoever is to refund was never paid."""
    rows = {row.id: row for row in books.rows}
    replacements = {row.replaces: row for row in books.rows if row.replaces}
    for told in _kept(history, history.settlements):
        row = rows.get(told.id)
        if row is not None and not _agrees(told, row, replacements.get(told.id)):
            what = f"{told.act} {told.reference} was told {told.status} {told.code}: {row}"
            yield Violation(invariant="I9", what=what)


def settled_is_kept(history: History, books: Books) -> Iterator[Violation]:
    """I9: what was settled was in the ledger, so no loss of Redis takes it away."""
    kept = {row.id for row in books.rows}
    for told in _kept(history, _told(history, "confirm")):
        if told.id not in kept:
            yield Violation(invariant="I9", what=f"{told.id} was paid, and the ledger has it not")


def idempotent(history: History, _: Books) -> Iterator[Violation]:
    """I10: all answers to one order name one reservation, and no other order's."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for checkout in history.checkouts:
        if checkout.id:
            ids[checkout.order].add(checkout.id)
    owners = Counter(id_ for each in ids.values() for id_ in each)
    for order, each in ids.items():
        if len(each) > 1 or any(owners[id_] > 1 for id_ in each):
            yield Violation(invariant="I10", what=f"{order} was told {sorted(each)}")


def created_once(history: History, _: Books) -> Iterator[Violation]:
    """I10: one order is created once, unless what Redis had said could be lost."""
    created = Counter(c.order for c in history.checkouts if c.status == 201)
    if not any(strike.loses_redis for strike in history.strikes):
        for order, number in created.items():
            if number > 1:
                yield Violation(invariant="I10", what=f"{order} was told 201 {number} times")


def durable_before_told(history: History, _: Books) -> Iterator[Violation]:
    """I12, at the level `ledger`: the row was there when the answer was."""
    for checkout in history.checkouts:
        if checkout.row_found is False:
            yield Violation(invariant="I12", what=f"{checkout.id} was told before it was a row")


def seen_in_order(history: History, books: Books) -> Iterator[Violation]:
    """I15: a watcher is never sent an older state, and ends with the one that is."""
    sights = history.sights
    for before, after in pairwise(sights):
        if (after.epoch, after.version) <= (before.epoch, before.version):
            yield Violation(invariant="I15", what=f"{after} was sent after {before}")
    left = {sku: item.available for sku, item in books.items.items()}
    if not sights or dict(sights[-1].stock) != left:
        yield Violation(invariant="I15", what=f"{left} are left, {sights[-1:]} was last sent")


def foreseen(history: History, _: Books) -> Iterator[Violation]:
    """No answer but those that are documented for what these customers do."""
    documented = {0, 200, 201, 202, 409, 429, 503}
    lossy = any(strike.loses_redis for strike in history.strikes)
    for attempt in [*history.checkouts, *history.settlements]:
        # Whoever pays for an order that was lost is told that it is not known.
        denied = isinstance(attempt, Settlement) and attempt.code in DENIED
        if attempt.status not in documented and not (lossy and denied):
            what = f"{attempt.status} {attempt.code}: {attempt}"
            yield Violation(invariant="answers", what=what)


CHECKS: tuple[Check, ...] = (
    never_oversold,
    never_sold_twice,
    conserved,
    nothing_lost,
    lost_where_possible,
    rollback_noticed,
    alarmed_for_a_reason,
    exactly_once,
    nothing_unasked,
    within_limits,
    at_rest,
    settled_once,
    settled_is_kept,
    idempotent,
    created_once,
    durable_before_told,
    seen_in_order,
    foreseen,
    *sequence.CHECKS,
)


def _agrees(told: Settlement, row: Row, replacement: Row | None) -> bool:
    paid = {each.reference for each in (row, replacement) if each and each.state == "paid"}
    if told.refund:
        return told.reference not in paid
    if told.status != TOLD_SETTLED:
        return True
    return told.reference in paid if told.act == "confirm" else row.state == "released"


def _told(history: History, act: str) -> list[Settlement]:
    return [s for s in history.settlements if s.act == act and s.status == TOLD_SETTLED]


def _kept(history: History, settlements: Iterable[Settlement]) -> list[Settlement]:
    """Those that no rollback of the ledger has taken back."""
    return [each for each in settlements if not rolled_back(history, each.ended)]


def _took_back(strike: Strike, told_at: float) -> bool:
    since = strike.ledger_lost_from
    return since is not None and since <= told_at <= strike.ended


def _may_have_lost(strike: Strike, told_at: float) -> bool:
    before, after = LOSS_REACHES_SECONDS
    return strike.loses_redis and strike.began - before <= told_at <= strike.ended + after


def _units(rows: Iterable[Row]) -> Counter[str]:
    units: Counter[str] = Counter()
    for row in rows:
        units.update(row.lines)
    return units
