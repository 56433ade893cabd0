"""Entries become one batch, the same however a history is cut into batches."""

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lua.entry import Entry, Kind
from reconciler.history import build, holdings
from sql.batch import Batch
from sql.ledger import Contradiction
from sql.lines import units_by_sku

SKUS = ["LAMP-1", "mug_2.0"]
CUSTOMER, FINGERPRINT = "c" * 22, "f" * 22


@dataclass
class Story:
    """Writes entries as the scripts do, and keeps the stock that is left."""

    left: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SKUS, 1_000)))
    entries: list[Entry] = field(default_factory=list)
    version: int = 0
    orders: list[str] = field(default_factory=list)

    def tell(self, kind: Kind, records: list[str], moved: Counter[str]) -> None:
        self.left.update(moved)
        self.version += len(records)
        self.entries.append(
            Entry(
                last=self.version,
                kind=kind,
                epoch=3,
                first=self.version - len(records) + 1,
                at_ms=1_000_000,
                stock={sku: self.left[sku] for sku in moved},
                body="\n".join(records),
            )
        )

    def admit(self, orders: list[str]) -> None:
        first = len(self.orders) + 1
        self.orders.extend(orders)
        records = [
            f"{number:032x}{CUSTOMER}{FINGERPRINT}{lines}|" + '{"a": "b|c"}'
            for number, lines in enumerate(orders, first)
        ]
        self.tell(Kind.ADMISSIONS, records, negative(units_by_sku(orders)))

    def give_back(self, number: int) -> None:
        lines = self.orders[number - 1]
        self.tell(Kind.RETURNS, [f"{number:032x}x{lines}"], units_by_sku([lines]))

    def grant(self, sku: str, units: int) -> None:
        revision = len(self.entries) + 1
        self.tell(Kind.GRANT, [f"{sku}|{units}|{revision}"], Counter({sku: units}))

    def lower(self, sku: str, units: int) -> None:
        request = f"request-{len(self.entries)}"
        body = f"{request}|{sku}|{units}|" + '{"reason": "a|b"}'
        self.tell(Kind.LOWERING, [body], Counter({sku: -units}))

    def correct(self, sku: str, units: int) -> None:
        body = f"{sku}|{units}|{units}|{len(self.entries) + 1}"
        self.tell(Kind.CORRECTION, [body], Counter({sku: units}))

    def pause(self) -> None:
        self.tell(Kind.STATE, [f"paused|{len(self.entries) + 1}"], Counter())


def negative(units: Counter[str]) -> Counter[str]:
    return Counter({sku: -count for sku, count in units.items()})


sku = st.sampled_from(SKUS)
order = st.dictionaries(sku, st.integers(1, 3), min_size=1).map(
    lambda wanted: ";".join(f"{name}:{count}:500" for name, count in sorted(wanted.items()))
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    story = Story()
    for _ in range(draw(st.integers(1, 8))):
        match draw(st.integers(0, 6)):
            case 0 | 1:
                story.admit(draw(st.lists(order, min_size=1, max_size=4)))
            case 2 if story.orders:
                story.give_back(draw(st.integers(1, len(story.orders))))
            case 3:
                story.grant(draw(sku), draw(st.integers(0, 9)))
            case 4:
                story.lower(draw(sku), draw(st.integers(1, 9)))
            case 5:
                story.correct(draw(sku), draw(st.integers(-3, 3)))
            case _:
                story.pause()
    return story


@given(stories(), st.data())
def test_any_cut_of_a_history_makes_the_same_ledger(story: Story, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(story.entries)))) | {len(story.entries)}
    whole = built(story.entries)
    parts: list[Batch] = []
    began, start = 0, 0
    for end in sorted(cuts):
        part = built(story.entries[start:end], began=began)
        parts.append(part)
        began, start = part.last, end

    assert parts[-1].last == whole.last == story.version
    for column in ("ids", "lines", "contexts", "versions", "epochs"):
        together = [each for part in parts for each in getattr(part.admissions, column)]
        assert together == getattr(whole.admissions, column)
    for column in ("requests", "skus", "units", "contexts"):
        together = [each for part in parts for each in getattr(part.lowerings, column)]
        assert together == getattr(whole.lowerings, column)
    for name in ("returns", "ends", "grants", "states", "corrections"):
        assert [each for part in parts for each in getattr(part, name)] == getattr(whole, name)
    for name in ("mirror", "taken"):
        moved: Counter[str] = Counter()
        for part in parts:
            moved.update(getattr(part, name))
        assert +moved == +getattr(whole, name)
        assert -moved == -getattr(whole, name)


@given(stories())
def test_the_checks_follow_the_stock_of_each_entry(story: Story) -> None:
    for check in built(story.entries).checks:
        assert 1_000 + check.moved == check.available
    assert +built(story.entries).taken == +units_by_sku(story.orders)


def built(entries: list[Entry], *, began: int = 0) -> Batch:
    return build("sale", epoch=3, began=began, entries=entries)


def short_story() -> Story:
    story = Story()
    story.admit(["LAMP-1:1:500", "LAMP-1:2:500;mug_2.0:1:90"])
    story.give_back(1)
    return story


def test_an_admission_is_read_field_by_field() -> None:
    new = built(short_story().entries).admissions
    assert new.ids == [f"{number:032x}" for number in (1, 2)]
    assert new.customers == [CUSTOMER] * 2
    assert new.fingerprints == [FINGERPRINT] * 2
    assert new.lines == ["LAMP-1:1:500", "LAMP-1:2:500;mug_2.0:1:90"]
    assert new.contexts == ['{"a": "b|c"}'] * 2
    assert new.versions == [1, 2]
    assert new.admitted_at_ms == [1_000_000] * 2


# What is no history

first, second = short_story().entries
WRONG = {
    "a gap": [first, replace(second, first=4, last=4)],
    "from the middle": [second],
    "twice": [first, first],
    "of a later epoch": [replace(first, epoch=4)],
    "too few records": [replace(first, last=3)],
    "too many records": [replace(first, last=1)],
    "no lines": [replace(first, body="\n".join(["0" * 76 + "|{}"] * 2))],
    "units that are none": [first, replace(second, body=f"{'0' * 32}xLAMP-1:many:500")],
    "a grant without a revision": [replace(first, kind=Kind.GRANT, body="LAMP-1|1", last=1)],
    "a lowering by words": [replace(first, kind=Kind.LOWERING, body="r|LAMP-1|some|{}", last=1)],
    "a state alone": [replace(first, kind=Kind.STATE, body="paused", last=1)],
}


@pytest.mark.parametrize("entries", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_history_is_a_contradiction(entries: list[Entry]) -> None:
    with pytest.raises(Contradiction):
        built(entries)


def test_entries_of_the_epoch_that_was_adopted_are_read_on() -> None:
    assert built([replace(first, epoch=2)]).admissions.epochs == [2, 2]


# Holdings


def test_holdings_are_written_as_the_scripts_write_them() -> None:
    assert holdings(3, ["b:2:1;a:1:1", "b:1:1"]) == "3;a=1;b=3"
    assert holdings(1, []) == "1"
