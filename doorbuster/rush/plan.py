"""Who comes to a rush, when, and what they are like. Pure: a seed makes the same crowd again."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Of those who come, half are there within an eighth of the time: (1/2) ** 3.
SPIKE_EXPONENT: Final = 3
MAX_UNITS: Final = 2
# A click that got no answer for so long is repeated by whoever is impatient.
IMPATIENCE_SECONDS: Final = (0.02, 0.3)
IMPATIENT_CLICKS: Final = (2, 4)
BOT_KEYS: Final = (3, 6)
# How long a buyer looks at the payment page.
THINKING_SECONDS: Final = (0.2, 3.0)
# Whoever found it sold out and comes back does so in the hope of what others leave.
COMES_BACK_SECONDS: Final = (1.0, 4.0)
COMES_BACK: Final = 0.3


class Shape(StrEnum):
    """How a crowd arrives."""

    SPIKE = "spike"
    STEADY = "steady"


class Temper(StrEnum):
    """BUYER clicks once. IMPATIENT clicks again, for the same thing. BOT tries with many keys."""

    BUYER = "buyer"
    IMPATIENT = "impatient"
    BOT = "bot"


class Intent(StrEnum):
    """What somebody does with a hold: LAPSE is to leave it, until it expires."""

    PAY = "pay"
    RELEASE = "release"
    LAPSE = "lapse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rush: so many customers within so many seconds; shares are between 0 and 1."""

    sale_id: str
    customers: int
    seconds: float
    shape: Shape
    bots: float
    impatient: float
    lapses: float
    releases: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """One customer. Times are in seconds; `arrives_at` counts from the beginning of the rush."""

    name: str
    arrives_at: float
    temper: Temper
    wanted: Mapping[str, int]
    keys: int
    clicks: int
    clicks_again_after: float
    intent: Intent
    thinks_for: float
    comes_back_after: float | None


def crowd(plan: Plan, limits: Mapping[str, int]) -> list[Shopper]:
    """The customers, in the order in which they arrive.

    `limits` has each sku of the sale with its limit per customer, 0 for none.
    """
    chance = random.Random(plan.seed)  # noqa: S311 (repeatable by its seed, and no secret)
    skus = sorted(limits)
    made = [_shopper(plan, number, skus, limits, chance) for number in range(plan.customers)]
    return sorted(made, key=lambda shopper: shopper.arrives_at)


def _shopper(
    plan: Plan, number: int, skus: Sequence[str], limits: Mapping[str, int], chance: random.Random
) -> Shopper:
    temper = _temper(plan, chance)
    return Shopper(
        name=f"rush-{plan.seed}-{number}",
        arrives_at=_arrival(plan, chance),
        temper=temper,
        wanted=_wanted(temper, skus, limits, chance),
        keys=chance.randint(*BOT_KEYS) if temper is Temper.BOT else 1,
        clicks=chance.randint(*IMPATIENT_CLICKS) if temper is Temper.IMPATIENT else 1,
        clicks_again_after=chance.uniform(*IMPATIENCE_SECONDS),
        intent=_intent(plan, chance),
        thinks_for=chance.uniform(*THINKING_SECONDS),
        comes_back_after=chance.uniform(*COMES_BACK_SECONDS)
        if chance.random() < COMES_BACK
        else None,
    )


def _temper(plan: Plan, chance: random.Random) -> Temper:
    drawn = chance.random()
    if drawn < plan.bots:
        return Temper.BOT
    return Temper.IMPATIENT if drawn < plan.bots + plan.impatient else Temper.BUYER


def _intent(plan: Plan, chance: random.Random) -> Intent:
    drawn = chance.random()
    if drawn < plan.lapses:
        return Intent.LAPSE
    return Intent.RELEASE if drawn < plan.lapses + plan.releases else Intent.PAY


def _arrival(plan: Plan, chance: random.Random) -> float:
    drawn = chance.random()
    return plan.seconds * (drawn**SPIKE_EXPONENT if plan.shape is Shape.SPIKE else drawn)


def _wanted(
    temper: Temper, skus: Sequence[str], limits: Mapping[str, int], chance: random.Random
) -> dict[str, int]:
    sku = chance.choice(skus)
    most = min(limits[sku] or MAX_UNITS, MAX_UNITS)
    # A bot takes what it can get; who buys for themselves mostly wants one.
    return {sku: most if temper is Temper.BOT else chance.choice([1, 1, most])}
