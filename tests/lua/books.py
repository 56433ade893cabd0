"""The books of a sale: its history, read again from the start, must give what Redis holds now."""

import re
from collections import Counter
from dataclasses import dataclass, field

from lua.entry import Entry, Kind
from lua.lines import decode
from lua.reservation import StoredReservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The keys of a sale under its current epoch."""

    record: dict[str, str] = field(default_factory=dict)
    reservations: dict[str, str] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


def check(opening: Contents, now: Contents) -> None:
    """Check what must always hold, and that the entries lead from the opening to now."""
    books = Books.of(opening)
    for entry in now.entries:
        if entry.first > int(opening.record["version"]):
            books.read(entry)
    assert books == Books.of(now)
    _check_conservation(books)
    _check_limits(now)
    assert int(now.record["reservations"]) == len(now.reservations)
    assert int(now.record["customers"]) == len(now.customers)


@dataclass(slots=True, kw_only=True)
class Books:
    """What the history alone tells of a sale."""

    version: int
    state: str
    available: Counter[str]
    granted: Counter[str]
    lowerings: dict[str, str]
    reservations: dict[str, str]
    admissions: Counter[str]
    held: dict[tuple[str, str], int]

    @classmethod
    def of(cls, contents: Contents) -> "Books":
        """The books as Redis has them."""
        buyers = {name: _holdings(text) for name, text in contents.customers.items()}
        raised, lowered = (_by_sku(contents.record, name) for name in ("raised", "lowered"))
        return cls(
            version=int(contents.record["version"]),
            state=contents.record["state"],
            available=_by_sku(contents.record, "available"),
            granted=Counter({sku: raised[sku] - lowered[sku] for sku in raised}),
            lowerings={
                name.partition(":")[2]: made
                for name, made in contents.record.items()
                if name.startswith("lowering:")
            },
            reservations=dict(contents.reservations),
            admissions=Counter({name: count for name, (count, _) in buyers.items()}),
            held={(n, sku): units for n, (_, held) in buyers.items() for sku, units in held},
        )

    def read(self, entry: Entry) -> None:
        """Follow one entry, and compare its stock with ours."""
        records = entry.body.split("\n")
        assert entry.first == self.version + 1, "the versions have a gap"
        assert entry.last - entry.first + 1 == len(records)
        touched: set[str] = set()
        for record in records:
            self.version += 1
            touched |= self._read_record(entry, record)
        assert entry.stock == {sku: self.available[sku] for sku in touched}

    def _read_record(self, entry: Entry, record: str) -> set[str]:
        match entry.kind:
            case Kind.ADMISSIONS:
                return self._admit(entry, record)
            case Kind.RETURNS:
                return self._return(record)
            case Kind.GRANT:
                sku, units, _ = record.split("|")
                return self._grant(sku, int(units))
            case Kind.LOWERING:
                request, sku, units, _ = record.split("|", 3)
                self.lowerings[request] = f"{sku}|{units}"
                return self._grant(sku, -int(units))
            case Kind.CORRECTION:
                sku, units, _, _ = record.split("|")
                self.available[sku] += int(units)
                return {sku}
            case Kind.STATE:
                self.state = record.partition("|")[0]
                return set()

    def _admit(self, entry: Entry, record: str) -> set[str]:
        lines = record[76:].partition("|")[0]
        assert record[:32] not in self.reservations, "an id was admitted twice"
        stored = f"h{record[32:76]}{self.version},{entry.at_ms},{lines}"
        self.reservations[record[:32]] = stored
        self.admissions[record[32:54]] += 1
        return self._move(record[32:54], lines, -1)

    def _return(self, record: str) -> set[str]:
        stored = self.reservations[record[:32]]
        assert stored[0] == "h", "a reservation was returned twice"
        self.reservations[record[:32]] = record[32] + stored[1:]
        assert StoredReservation.parse(stored).lines == record[33:]
        return self._move(stored[1:23], record[33:], 1)

    def _move(self, customer: str, text: str, sign: int) -> set[str]:
        for line in decode(text):
            self.available[line.sku] += sign * line.quantity
            units = self.held.pop((customer, line.sku), 0) - sign * line.quantity
            if units:
                self.held[customer, line.sku] = units
        return {line.sku for line in decode(text)}

    def _grant(self, sku: str, units: int) -> set[str]:
        self.available[sku] += units
        self.granted[sku] += units
        return {sku}


def _check_conservation(books: Books) -> None:
    held: Counter[str] = Counter()
    for stored in map(StoredReservation.parse, books.reservations.values()):
        if stored.state == "held":
            for line in decode(stored.lines):
                held[line.sku] += line.quantity
    for sku, available in books.available.items():
        assert available >= 0, f"{sku} is oversold"
        assert available + held[sku] == books.granted[sku], sku


def _check_limits(now: Contents) -> None:
    limits = _by_sku(now.record, "limit")
    most = int(now.record["reservations_per_customer"])
    for text in now.customers.values():
        admissions, held = _holdings(text)
        assert admissions <= most
        assert all(units <= limits[sku] or limits[sku] == 0 for sku, units in held)


def _holdings(text: str) -> tuple[int, list[tuple[str, int]]]:
    assert re.fullmatch(r"[1-9]\d*(;[A-Za-z0-9._-]+=[1-9]\d*)*", text), text
    admissions, *held = text.split(";")
    return int(admissions), [(s, int(units)) for s, _, units in (h.partition("=") for h in held)]


def _by_sku(record: dict[str, str], prefix: str) -> Counter[str]:
    names = [name for name in record if name.startswith(f"{prefix}:")]
    return Counter({name.partition(":")[2]: int(record[name]) for name in names})
