"""The ratios that this is to reach, each computed within one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.case import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One figure of one row."""

    suite: str
    subject: str
    figure: str

    def of(self, rows: Sequence[Row]) -> float | None:
        """Its value, if it was measured."""
        for row in rows:
            if (row.suite, row.subject) == (self.suite, self.subject):
                return row.figures.get(self.figure)
        return None


class Verdict(StrEnum):
    """What became of a target."""

    AIM = "reached, and the aim too"
    REACHED = "reached"
    MISSED = "not reached"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`over` divided by `under`; `at_most` tells that less is better."""

    says: str
    over: Operand
    under: Operand | None
    reach: float
    aim: float
    at_most: bool = False

    def value(self, rows: Sequence[Row]) -> float | None:
        """The ratio, if both were measured."""
        over = self.over.of(rows)
        if self.under is None or over is None:
            return over
        under = self.under.of(rows)
        return over / under if under else None

    def verdict(self, rows: Sequence[Row]) -> Verdict:
        """Whether it was reached, by the figures as they are."""
        value = self.value(rows)
        if value is None:
            return Verdict.UNKNOWN
        if self._meets(value, self.aim):
            return Verdict.AIM
        return Verdict.REACHED if self._meets(value, self.reach) else Verdict.MISSED

    def _meets(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound


def _checkout(subject: str, figure: str) -> Operand:
    return Operand(suite="checkout", subject=subject, figure=figure)


_NEW: Final = "each token new"
_TWENTY: Final = "20 requests a token"
_HELLO: Final = _checkout(f"hello, {_NEW}", "gateway_cpu_us")

TARGETS: Final = (
    Target(
        says="accepted checkouts/s, doorbuster : fastapi-redis",
        over=_checkout(f"doorbuster, {_NEW}", "accepted_per_s"),
        under=_checkout(f"fastapi-redis, {_NEW}", "accepted_per_s"),
        reach=4,
        aim=6,
    ),
    Target(
        says="accepted checkouts/s, doorbuster : fastify-ioredis",
        over=_checkout(f"doorbuster, {_NEW}", "accepted_per_s"),
        under=_checkout(f"fastify-ioredis, {_NEW}", "accepted_per_s"),
        reach=1.0,
        aim=1.5,
    ),
    Target(
        says="gateway CPU per accepted checkout : hello, each token new",
        over=_checkout(f"doorbuster, {_NEW}", "gateway_cpu_us"),
        under=_HELLO,
        reach=2.0,
        aim=1.2,
        at_most=True,
    ),
    Target(
        says="the same, 20 requests a token",
        over=_checkout(f"doorbuster, {_TWENTY}", "gateway_cpu_us"),
        under=_HELLO,
        reach=1.5,
        aim=1.0,
        at_most=True,
    ),
)
