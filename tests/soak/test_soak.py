"""The short form of `make soak`, and whether it can fail."""

import sys

import pytest
from soak.gauges import GAUGES, Gauge, Sample, is_level
from soak.run import Plan, run

LEVEL = Gauge(name="memory", growth=1.1, slack=1.0)


@pytest.mark.proof
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
@pytest.mark.timeout(180)
async def test_a_shop_that_sells_on_stays_level() -> None:
    """Too short to find a small leak: it sees that each gauge can be read, and what grows fast."""
    plan = Plan(seconds=6, streams=50, measure_seconds=1, hold_seconds=2, samples=12)
    outcome = await run(plan)
    assert outcome.told[201] > 0
    assert outcome.clicked.keys() == {200, 201}
    assert outcome.faults == []
    assert outcome.streams_ended == 0
    assert outcome.samples[-1].keys() >= {gauge.name for gauge in GAUGES}
    assert [name for name in outcome.grown if "descriptors" in name] == []


def samples(*values: float) -> list[Sample]:
    return [{"memory": value} for value in values]


def test_what_grows_is_seen() -> None:
    assert not is_level(LEVEL, samples(10, 20, 30, 40))


def test_what_grows_until_it_is_warm_is_level() -> None:
    assert is_level(LEVEL, samples(10, 30, 30, 31))
