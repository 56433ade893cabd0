"""What may be claimed: only of runs in which enough was at stake, and of those together."""

from dataclasses import replace

from chaos.history import Checkout, History, Strike
from chaos.tally import ENOUGH_FAILOVERS, ENOUGH_KILLS, ENOUGH_ORDERS, Tally, Total

HALF = Tally(
    seed=1,
    seconds=60,
    orders=ENOUGH_ORDERS,
    kills=ENOUGH_KILLS // 2,
    failovers=ENOUGH_FAILOVERS // 2,
    counts={"strikes": 7, "lost": 0},
    faults={"FLUSHALL": 2},
    closed=[0.1],
    violations=[],
)
VOID = replace(HALF, seed=2, orders=ENOUGH_ORDERS - 1, violations=["I1: too many"])


def test_runs_add_up() -> None:
    total = Total(runs=[HALF, HALF])
    assert total.missing == []
    assert total.counts == {"strikes": 14, "lost": 0}
    assert total.faults == {"FLUSHALL": 4}


def test_one_run_may_be_too_few() -> None:
    assert Total(runs=[HALF]).missing == ["100 of 200 kills", "25 of 50 failovers"]


def test_a_void_run_claims_nothing() -> None:
    total = Total(runs=[HALF, VOID])
    assert total.missing == ["100 of 200 kills", "25 of 50 failovers"]
    assert total.counts == {"strikes": 7, "lost": 0}


def test_what_a_void_run_has_found_is_told() -> None:
    assert Total(runs=[HALF, VOID]).violations == ["seed 2: I1: too many"]


def test_a_run_is_enough_with_those_before_it() -> None:
    history = History(
        checkouts=[_told(number) for number in range(ENOUGH_ORDERS)],
        strikes=[Strike(name="kill", began=0, unanswered=1, kills=100, failovers=25)],
    )
    assert Total(runs=[HALF]).is_enough_with(history)
    assert not Total().is_enough_with(history)
    history.checkouts.pop()
    assert not Total(runs=[HALF]).is_enough_with(history)


def _told(number: int) -> Checkout:
    return Checkout(
        customer="ada", key="1", lines={}, gateway=0, began=1, status=201, id=str(number)
    )
