"""What must hold of the numbered history, entry by entry, and of answers beside it. Pure.

Redis gives each change a number, so nothing has to be searched for: the entries in their order
are the only history that there can have been, and each answer either fits into it or does not.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from chaos.books import Books
from chaos.history import Checkout, History
from chaos.violation import Violation

from gateway.admission.sold_out import MAX_AGE_SECONDS
from lua.entry import Entry, Kind
from lua.lines import decode

ID_DIGITS = 32
BEFORE_LINES = {Kind.ADMISSIONS: 32 + 22 + 22, Kind.RETURNS: 32 + 1}
# Redis' times are whole milliseconds, and ours are taken by another process.
CLOCK_MS = 5
CREATED = 201


# The history by itself


def adds_up(history: History, books: Books) -> Iterator[Violation]:
    """I2 and I11: each entry's stock is that of the one before it, and what it says it moved."""
    left: dict[str, int] = {}
    for before, entry in pairwise([None, *_surviving(history, books)]):
        if before is None or not _follows(before, entry, books):
            left = {}
        moved = moves(entry)
        for sku, units in entry.stock.items():
            if units < 0 or left.get(sku, units - moved[sku]) + moved[sku] != units:
                what = f"{sku}: {left.get(sku)} left, moved by {moved[sku]}, and {units} left"
                yield Violation(invariant="I11", what=f"version {entry.last}: {what}")
        left |= entry.stock


def numbered_once(history: History, books: Books) -> Iterator[Violation]:
    """I11: no version is two changes, and no reservation is admitted or returned twice."""
    kept = _surviving(history, books)
    for before, entry in pairwise(kept):
        if entry.first <= before.last:
            what = f"versions {entry.first} to {entry.last} come after {before.last}"
            yield Violation(invariant="I11", what=what)
    for kind in BEFORE_LINES:
        ids = Counter(id_ for entry in kept if entry.kind == kind for id_ in _ids(entry))
        for id_, number in ids.items():
            if number > 1:
                yield Violation(invariant="I9", what=f"{id_} is in {number} {kind}")


def read_before_trimmed(history: History, _: Books) -> Iterator[Violation]:
    """I13: what the ledger has not read yet is still in the stream."""
    for look in history.looks:
        if look.oldest is not None and look.oldest > look.committed + 1:
            what = f"version {look.oldest} is the oldest, and {look.committed} is committed"
            yield Violation(invariant="I13", what=f"epoch {look.epoch}: {what}")


def bounded(history: History, _: Books) -> Iterator[Violation]:
    """I14: no more changes wait for the ledger than there is room for."""
    for look in history.looks:
        if look.waiting > look.limit:
            what = f"{look.waiting} changes wait, and there is room for {look.limit}"
            yield Violation(invariant="I14", what=what)


def fenced(_: History, books: Books) -> Iterator[Violation]:
    """I16: what has a later version was never committed under an earlier epoch."""
    rows = sorted(books.rows, key=lambda row: row.version)
    for before, row in pairwise(rows):
        if row.version == before.version or row.epoch < before.epoch:
            what = f"{row.id} is {row.epoch}-{row.version}, after {before.epoch}-{before.version}"
            yield Violation(invariant="I16", what=what)


# Answers beside the history


def in_order(history: History, books: Books) -> Iterator[Violation]:
    """I11: who was told before another one asked has the smaller number.

    What was lost and is bought again was told twice, so it is left out.
    """
    began: dict[str, float] = {}
    told: dict[tuple[str, int], float] = {}
    asked: dict[tuple[str, str], float] = {}
    for checkout in history.checkouts:
        first = asked.setdefault(checkout.order, checkout.began)
        if checkout.reserved:
            began.setdefault(checkout.id, first)
            told.setdefault((checkout.id, checkout.version), checkout.ended)
    created = Counter(checkout.id for checkout in history.checkouts if checkout.status == CREATED)
    latest = 0.0
    for row in sorted(books.rows, key=lambda row: row.version):
        if created[row.id] <= 1 and told.get((row.id, row.version), latest) < latest:
            what = f"{row.id} was told before one with a smaller version was asked for"
            yield Violation(invariant="I11", what=what)
        latest = max(latest, began.get(row.id, 0.0))


def as_numbered(history: History, books: Books) -> Iterator[Violation]:
    """I11: an order of the ledger is the change that has its version."""
    ids: dict[int, str] = {}
    for entry in _surviving(history, books):
        if entry.kind == Kind.ADMISSIONS:
            ids.update(enumerate(_ids(entry), entry.first))
    for row in books.rows:
        if ids.get(row.version, row.id.replace("-", "")) != row.id.replace("-", ""):
            what = f"{row.id} has version {row.version}, which admitted {ids[row.version]}"
            yield Violation(invariant="I11", what=what)


def never_falsely_short(history: History, books: Books) -> Iterator[Violation]:
    """I8: whoever was told that too little is left asked while that was so.

    Or a moment later: a gateway may say so by itself, of a stock that is not too old.
    """
    for checkout, sku, least in _short(history, books):
        if least >= checkout.lines[sku]:
            what = f"{checkout.lines[sku]} of {sku} were called too many, and {least} were left"
            yield Violation(invariant="I8", what=f"{what}: {checkout}")


def judged_short(history: History, books: Books) -> int:
    """How many answers could be compared with what was left: not those within a loss."""
    return sum(1 for _ in _short(history, books))


CHECKS = (
    adds_up,
    numbered_once,
    read_before_trimmed,
    bounded,
    fenced,
    in_order,
    as_numbered,
    never_falsely_short,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Units that were left from this time on; another `segment` begins where nothing is known."""

    at_ms: int
    left: int
    segment: int


@dataclass(frozen=True, slots=True)
class Stocks:
    """What was left of each item, and when."""

    points: Mapping[str, Sequence[Point]]
    last_segment: int

    @classmethod
    def of(cls, history: History, books: Books) -> "Stocks":
        """A segment ends with each rebuild, and where an entry was never read."""
        points: dict[str, list[Point]] = defaultdict(list)
        segment = 0
        entries = [history.entries[place] for place in sorted(history.entries)]
        for before, entry in pairwise([None, *entries]):
            segment += before is not None and not _follows(before, entry, books)
            for sku, left in entry.stock.items():
                points[sku].append(Point(at_ms=entry.at_ms, left=left, segment=segment))
        return cls(points, segment)

    def least(self, sku: str, interval: tuple[float, float]) -> int | None:
        """The least that was left of it at any time of the interval; None if that is not known."""
        points = self.points.get(sku, [])
        since, until = interval[0] - CLOCK_MS, interval[1] + CLOCK_MS
        first = bisect_left(points, since, key=lambda point: point.at_ms) - 1
        after = bisect_right(points, until, key=lambda point: point.at_ms)
        if first < 0:
            return None
        segments = {point.segment for point in points[first : after + 1]}
        if after == len(points):
            segments.add(self.last_segment)
        if len(segments) > 1:
            return None
        return min(point.left for point in points[first:after])


def _short(history: History, books: Books) -> Iterator[tuple[Checkout, str, int]]:
    """Each line that was called short, and the least that was left, where that is known."""
    stocks = Stocks.of(history, books)
    for checkout in history.checkouts:
        for sku in checkout.short:
            least = stocks.least(sku, _milliseconds(history, checkout))
            if least is not None and not history.was_apart(checkout):
                yield checkout, sku, least


def moves(entry: Entry) -> Counter[str]:
    """How many units of each item it says that it put in, negative for those taken out."""
    moved: Counter[str] = Counter()
    match entry.kind:
        case Kind.ADMISSIONS | Kind.RETURNS:
            sign = 1 if entry.kind == Kind.RETURNS else -1
            for line in entry.body.split("\n"):
                for sold in decode(line[BEFORE_LINES[entry.kind] :].partition("|")[0]):
                    moved[sold.sku] += sign * sold.quantity
        case Kind.GRANT:
            sku, units, _ = entry.body.split("|")
            moved[sku] += int(units)
        case Kind.LOWERING:
            _, sku, units, _ = entry.body.split("|", 3)
            moved[sku] -= int(units)
    return moved


def _surviving(history: History, books: Books) -> list[Entry]:
    """What no loss has taken away, in order: nothing beyond where a later epoch has begun."""
    begun = sorted((each.epoch, each.version) for each in books.recoveries)
    epochs = [epoch for epoch, _ in begun]
    # A ledger that was taken back has forgotten epochs that Redis has gone through.
    ends = list(accumulate(reversed([version for _, version in begun]), min))[::-1]
    kept = []
    for (epoch, _), entry in sorted(history.entries.items()):
        later = bisect_right(epochs, epoch)
        if later == len(ends) or entry.last <= ends[later]:
            kept.append(entry)
    return kept


def _follows(before: Entry, entry: Entry, books: Books) -> bool:
    """Whether nothing lies between them, neither a version nor a rebuild."""
    if entry.first != before.last + 1 or before.epoch == entry.epoch:
        return entry.first == before.last + 1
    between = (each for each in books.recoveries if before.epoch < each.epoch <= entry.epoch)
    return all(each.outcome != "rebuilt" for each in between)


def _ids(entry: Entry) -> Iterable[str]:
    return [line[:ID_DIGITS] for line in entry.body.split("\n")]


def _milliseconds(history: History, checkout: Checkout) -> tuple[float, float]:
    """Of when the stock may be that it was told of, on the clock of the machine."""
    ahead = history.clock_ahead_seconds
    return (checkout.began + ahead - MAX_AGE_SECONDS) * 1000, (checkout.ended + ahead) * 1000
