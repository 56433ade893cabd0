"""What the workers have counted, as numbers."""

from collections import Counter

from gateway.counts import Distribution
from gateway.exposition import Exposition
from gateway.tally import Durations, Tally


def counting(outcomes: Counter[str], seconds: Distribution, streams: int = 0) -> Exposition:
    """Metrics under the names of a gateway's."""
    exposition = Exposition(None)
    exposition.outcomes("doorbuster_checkouts_total", "Checkouts.", outcomes)
    exposition.distribution("doorbuster_checkout_seconds", "Seconds.", seconds)
    exposition.level("doorbuster_streams", "Streams.", lambda: streams)
    return exposition


def test_nothing_has_happened_yet() -> None:
    none = Durations(bounds=(0.1, 0.5), counts=(0, 0, 0))
    exposition = counting(Counter(), Distribution((0.1, 0.5)))
    assert exposition.tally() == Tally(checkouts={}, seconds=none, streams=0)


def test_checkouts_are_told_by_outcome_and_by_how_long_they_took() -> None:
    seconds = Distribution((0.1, 0.5))
    exposition = counting(outcomes := Counter(), seconds, streams=7)
    outcomes.update({"admitted": 3, "overloaded": 1})
    for each in (0.05, 0.06, 0.3, 9.0):
        seconds.observe(each)
    exposition.hand_on()
    outcomes["admitted"] += 1
    assert exposition.tally() == Tally(
        checkouts={"admitted": 4, "overloaded": 1},
        seconds=Durations(bounds=(0.1, 0.5), counts=(2, 1, 1)),
        streams=7,
    )
