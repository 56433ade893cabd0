"""What follows from an announcement, and what the clock does to a state."""

from dataclasses import replace

import pytest

from gateway.stock.event import EventId
from gateway.stock.sight import Stock
from lua.announcement import parse_announcement

STOCK = Stock(
    sale_id="friday",
    epoch=3,
    version=17,
    state="open",
    opens_at_ms=1000,
    closes_at_ms=2000,
    available={"LAMP-1": 4, "MUG": 1},
)


@pytest.mark.parametrize(
    ("text", "version", "available"),
    [
        ("3 18 18 - LAMP-1=3", 18, {"LAMP-1": 3, "MUG": 1}),
        ("3 18 25 - MUG=0;LAMP-1=0", 25, {"LAMP-1": 0, "MUG": 0}),
        ("3 18 18 - -", 18, {"LAMP-1": 4, "MUG": 1}),
    ],
)
def test_what_follows_is_believed(text: str, version: int, available: dict[str, int]) -> None:
    after = STOCK.after(parse_announcement(text.encode()), since_ms=99)
    assert after == replace(STOCK, version=version, available=available, since_ms=99)
    assert list(after.available) == ["LAMP-1", "MUG"]


@pytest.mark.parametrize(
    "text",
    [
        "3 19 19 - LAMP-1=3",
        "4 18 18 - LAMP-1=3",
        "3 18 18 paused -",
        "4 0 9 reset -",
        "3 18 18 - X=1",
    ],
)
def test_anything_else_is_for_the_record_to_tell(text: str) -> None:
    announcement = parse_announcement(text.encode())
    assert not STOCK.contains(announcement)
    assert STOCK.after(announcement, since_ms=0) is None


@pytest.mark.parametrize(
    "text", ["3 17 17 - LAMP-1=5", "3 1 9 - -", "2 90 99 - -", "3 0 17 reset -"]
)
def test_old_news_is_known(text: str) -> None:
    assert STOCK.contains(parse_announcement(text.encode()))


@pytest.mark.parametrize(
    ("now_ms", "state", "seconds_to_turn"),
    [
        (0, "scheduled", 1.0),
        (999, "scheduled", 0.001),
        (1000, "open", 1.0),
        (1999, "open", 0.001),
        (2000, "closed", float("inf")),
    ],
)
def test_the_clock_opens_and_closes(now_ms: int, state: str, seconds_to_turn: float) -> None:
    sight = STOCK.at(now_ms)
    assert (sight.state, sight.seconds_to_turn) == (state, seconds_to_turn)


def test_a_sale_without_end_stays_open() -> None:
    endless = replace(STOCK, opens_at_ms=0, closes_at_ms=0).at(10**15)
    assert (endless.state, endless.seconds_to_turn) == ("open", float("inf"))


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_the_clock_does_nothing_to_a_sale_that_is_not_open(state: str) -> None:
    sight = replace(STOCK, state=state).at(0)
    assert (sight.state, sight.seconds_to_turn) == (state, float("inf"))


def test_marks_increase_with_whatever_can_be_seen() -> None:
    sights = [
        STOCK.at(0),
        STOCK.at(1500),
        STOCK.at(2500),
        replace(STOCK, version=18, state="paused").at(2500),
        replace(STOCK, version=19).at(0),
        replace(STOCK, epoch=4, version=1).at(0),
    ]
    marks = [sight.mark for sight in sights]
    assert marks == sorted(set(marks))


@pytest.mark.parametrize(
    ("since_ms", "now_ms", "settled"),
    [
        (0, 500, True),  # scheduled then, scheduled now
        (0, 1500, False),  # whoever saw it before 1000 saw it scheduled
        (1000, 1500, True),
        (1500, 2500, False),
        (2000, 2500, True),
    ],
)
def test_a_version_is_settled_if_the_clock_changed_nothing_since_it_was_made(
    since_ms: int,
    now_ms: int,
    settled: bool,  # noqa: FBT001 (a column of the table)
) -> None:
    assert replace(STOCK, since_ms=since_ms).at(now_ms).is_settled is settled


def test_only_who_saw_the_close_has_seen_a_sale_that_the_clock_closed() -> None:
    closed = STOCK.at(2500)
    parse = EventId.parse
    assert [(seen := parse(text)) and seen.covers(closed) for text in ("3-17", "3-17-closed")] == [
        False,
        True,
    ]
    assert not EventId(epoch=3, version=16, saw_close=True).covers(closed)


@pytest.mark.parametrize(
    ("shown", "now", "urgent"),
    [
        ({"LAMP-1": 4, "MUG": 1}, {"LAMP-1": 3, "MUG": 1}, False),
        ({"LAMP-1": 4, "MUG": 1}, {"LAMP-1": 4, "MUG": 0}, True),
        ({"LAMP-1": 4, "MUG": 0}, {"LAMP-1": 3, "MUG": 0}, False),
        ({"LAMP-1": 4, "MUG": 0}, {"LAMP-1": 4, "MUG": 2}, False),
        ({"LAMP-1": 4}, {"LAMP-1": 4, "NEW": 0}, True),
    ],
)
def test_what_sells_out_is_urgent(
    shown: dict[str, int],
    now: dict[str, int],
    urgent: bool,  # noqa: FBT001 (a column of the table)
) -> None:
    before = replace(STOCK, available=shown).at(1500)
    after = replace(STOCK, version=18, available=now).at(1500)
    assert after.is_urgent_after(before) is urgent
