"""What was committed stays in the stream for a while, in case the ledger is rolled back."""

import pytest

from reconciler import follower
from reconciler.follower import Retention


class Clock:
    """A clock that stands where it was put."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(follower, "time", clock)
    return clock


def test_a_version_may_go_so_long_after_its_commit_and_not_before(clock: Clock) -> None:
    retention = Retention(10)
    retention.note(5)
    clock.now += 2
    retention.note(20)
    assert trims(retention, clock, 7.9) == [0] * 7
    assert trims(retention, clock, 2.2) == [5, 0]
    assert trims(retention, clock, 10) == [20] + [0] * 9


def trims(retention: Retention, clock: Clock, seconds: float) -> list[int]:
    """What may go, asked once a second for so long."""
    versions = []
    end = clock.now + seconds
    while clock.now + 1 <= end:
        clock.now += 1
        versions.append(retention.trim_below())
    clock.now = end
    return versions


def test_a_busy_sale_remembers_one_version_a_second(clock: Clock) -> None:
    retention = Retention(10)
    for version in range(1, 1_001):
        retention.note(version)
        clock.now += 0.01
    assert len(retention._committed) <= 11


def test_redis_is_asked_to_trim_once_a_second_at_the_most(clock: Clock) -> None:
    retention = Retention(1)
    retention.note(1)
    clock.now += 1.5
    retention.note(2)
    assert retention.trim_below() == 1
    clock.now += 0.9
    assert retention.trim_below() == 0
    clock.now += 0.2
    assert retention.trim_below() == 2
