"""A crowd is made of its plan and its seed, and of nothing else."""

from collections import Counter
from dataclasses import replace

import pytest

from doorbuster.rush.plan import Intent, Plan, Shape, Temper, crowd

LIMITS = {"LAMP-1": 2, "CHAIR": 1, "MUG": 0}
PLAN = Plan(
    sale_id="friday",
    customers=2000,
    seconds=10,
    shape=Shape.SPIKE,
    bots=0.1,
    impatient=0.2,
    lapses=0.15,
    releases=0.1,
    seed=42,
)


def test_a_seed_makes_the_same_crowd_again() -> None:
    assert crowd(PLAN, LIMITS) == crowd(PLAN, LIMITS)
    assert crowd(PLAN, LIMITS) != crowd(replace(PLAN, seed=43), LIMITS)


def test_everybody_is_somebody_else_and_comes_within_the_time() -> None:
    shoppers = crowd(PLAN, LIMITS)
    assert len({each.name for each in shoppers}) == PLAN.customers
    arrivals = [each.arrives_at for each in shoppers]
    assert arrivals == sorted(arrivals)
    assert 0 <= arrivals[0] <= arrivals[-1] <= PLAN.seconds


@pytest.mark.parametrize(("shape", "early"), [(Shape.SPIKE, 0.5), (Shape.STEADY, 0.125)])
def test_a_spike_has_half_of_them_in_the_first_eighth(shape: Shape, early: float) -> None:
    shoppers = crowd(replace(PLAN, shape=shape), LIMITS)
    first = sum(each.arrives_at <= PLAN.seconds / 8 for each in shoppers)
    assert first / PLAN.customers == pytest.approx(early, abs=0.05)


def test_the_shares_are_those_of_the_plan() -> None:
    shoppers = crowd(PLAN, LIMITS)
    tempers = Counter(each.temper for each in shoppers)
    intents = Counter(each.intent for each in shoppers)
    for count, share in [
        (tempers[Temper.BOT], PLAN.bots),
        (tempers[Temper.IMPATIENT], PLAN.impatient),
        (intents[Intent.LAPSE], PLAN.lapses),
        (intents[Intent.RELEASE], PLAN.releases),
    ]:
        assert count / PLAN.customers == pytest.approx(share, abs=0.03)


def test_bots_use_many_keys_and_the_impatient_click_one_key_again() -> None:
    for shopper in crowd(PLAN, LIMITS):
        assert (shopper.keys > 1) == (shopper.temper is Temper.BOT)
        assert (shopper.clicks > 1) == (shopper.temper is Temper.IMPATIENT)


def test_nobody_wants_more_than_they_may_have() -> None:
    for shopper in crowd(PLAN, LIMITS):
        for sku, units in shopper.wanted.items():
            assert 1 <= units <= (LIMITS[sku] or 2)
