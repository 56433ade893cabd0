"""What a reading and an announcement make of what is known, in whatever order they come."""

from dataclasses import replace

import pytest

from gateway.stock.sight import Stock
from gateway.stock.watch import Watch
from lua.announcement import Announcement, parse_announcement

STOCK = Stock(
    sale_id="friday",
    epoch=1,
    version=5,
    state="open",
    opens_at_ms=0,
    closes_at_ms=0,
    available={"LAMP-1": 10},
)


def bought(version: int) -> Announcement:
    """One lamp was taken."""
    return parse_announcement(f"1 {version} {version} - LAMP-1={15 - version}".encode())


@pytest.fixture
def watch() -> Watch:
    """A watch that was read at 1,000 ms."""
    watch = Watch("friday")
    watch.begin()
    watch.learn(STOCK, 1000)
    return watch


def test_nothing_can_be_made_of_an_announcement_before_the_first_reading() -> None:
    assert not Watch("friday").hear(bought(6))


def test_a_reading_that_an_announcement_overtook_is_no_step_back(watch: Watch) -> None:
    watch.begin()
    assert watch.hear(bought(6))
    watch.learn(STOCK, 2000)
    assert watch.stock
    assert (watch.stock.version, watch.failures) == (6, 0)


def test_an_announcement_that_a_reading_overtook_is_no_step_back(watch: Watch) -> None:
    watch.begin()
    watch.learn(replace(STOCK, version=7, available={"LAMP-1": 8}), 2000)
    assert watch.hear(bought(6))
    assert watch.stock
    assert watch.stock.available == {"LAMP-1": 8}


def test_a_reading_behind_what_was_known_before_it_is_a_failure(watch: Watch) -> None:
    assert watch.hear(bought(6))
    confirmed_at = watch.confirmed_at
    watch.begin()
    watch.learn(STOCK, 2000)
    assert watch.stock
    assert (watch.stock.version, watch.failures) == (6, 1)
    assert watch.confirmed_at == confirmed_at


def test_nobody_knows_how_long_the_first_version_has_been_there(watch: Watch) -> None:
    assert watch.stock
    assert watch.stock.since_ms == 0


def test_a_version_was_not_there_when_an_older_one_was_read(watch: Watch) -> None:
    assert watch.hear(bought(6))
    assert watch.stock
    assert watch.stock.since_ms == 1000
    watch.begin()
    watch.learn(replace(STOCK, version=9), 2000)
    assert watch.stock.since_ms == 1000
    watch.begin()
    watch.learn(replace(STOCK, version=10), 3000)
    assert watch.stock.since_ms == 2000


def test_reading_a_version_again_does_not_make_it_younger(watch: Watch) -> None:
    assert watch.hear(bought(6))
    watch.begin()
    watch.learn(replace(STOCK, version=6), 2000)
    assert watch.stock
    assert watch.stock.since_ms == 1000
    assert watch.hear(bought(7))
    assert watch.stock.since_ms == 2000


def test_each_trouble_is_told_once_and_its_end(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for trouble in ("no answer", "no answer", "no record"):
        watch.begin()
        watch.fail(trouble)
    watch.begin()
    watch.learn(STOCK, 2000)
    told = [record.getMessage().partition(": ")[2] for record in caplog.records]
    assert told == ["no answer; trying again", "no record; trying again", "read again"]
    assert watch.failures == 0
