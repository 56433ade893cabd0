"""The ratios that this is to reach, each computed within one run."""

from collections.abc import Callable, Sequence
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


def _ratio(says: str, over: Operand, under: Operand | None, *, reach: float, aim: float) -> Target:
    return Target(says=says, over=over, under=under, reach=reach, aim=aim)


def _at_most(
    says: str, over: Operand, under: Operand | None, *, reach: float, aim: float
) -> Target:
    return Target(says=says, over=over, under=under, reach=reach, aim=aim, at_most=True)


def _of(suite: str) -> Callable[[str, str], Operand]:
    def operand(subject: str, figure: str) -> Operand:
        return Operand(suite=suite, subject=subject, figure=figure)

    return operand


_checkout, _reject, _settle = _of("checkout"), _of("reject"), _of("settle")
_ledger, _durability, _stream, _growth = (
    _of("ledger"),
    _of("durability"),
    _of("stream"),
    _of("growth"),
)

_overload = _of("overload")

_NEW: Final = "each token new"
_TWENTY: Final = "20 requests a token"
_OURS: Final = _checkout(f"doorbuster, {_NEW}", "accepted_per_s")
_HELLO: Final = _checkout(f"hello, {_NEW}", "gateway_cpu_us")
_OUR_STREAM: Final = _stream("doorbuster", "cpu_us_per_event")

TARGETS: Final = (
    _ratio(
        "accepted checkouts/s, doorbuster : fastapi-redis",
        _OURS,
        _checkout(f"fastapi-redis, {_NEW}", "accepted_per_s"),
        reach=4,
        aim=6,
    ),
    _ratio(
        "accepted checkouts/s, doorbuster : fastify-ioredis",
        _OURS,
        _checkout(f"fastify-ioredis, {_NEW}", "accepted_per_s"),
        reach=1.0,
        aim=1.5,
    ),
    _at_most(
        "gateway CPU per accepted checkout : hello, each token new",
        _checkout(f"doorbuster, {_NEW}", "gateway_cpu_us"),
        _HELLO,
        reach=2.0,
        aim=1.2,
    ),
    _at_most(
        "the same, 20 requests a token",
        _checkout(f"doorbuster, {_TWENTY}", "gateway_cpu_us"),
        _HELLO,
        reach=1.5,
        aim=1.0,
    ),
    _at_most(
        "CPU of a sold-out answer : hello",
        _reject(f"doorbuster, {_TWENTY}", "gateway_cpu_us"),
        _reject(f"hello, {_NEW}", "gateway_cpu_us"),
        reach=1.0,
        aim=0.7,
    ),
    _at_most(
        "Redis commands a sold-out answer",
        _reject(f"doorbuster, {_TWENTY}", "redis_commands_per_answer"),
        None,
        reach=0.05,
        aim=0.01,
    ),
    _ratio(
        "throughput `fsync` : `memory`",
        _durability("fsync", "accepted_per_s"),
        _durability("memory", "accepted_per_s"),
        reach=0.7,
        aim=0.9,
    ),
    _ratio(
        "throughput `ledger` : `fsync`, both at 512 connections",
        _durability("ledger", "accepted_per_s"),
        _durability("fsync", "accepted_per_s"),
        reach=0.6,
        aim=0.9,
    ),
    _ratio(
        "confirms/s, grouped : one a transaction on 32 connections",
        _settle("doorbuster", "confirms_per_s"),
        _settle("one a transaction", "confirms_per_s"),
        reach=5,
        aim=8,
    ),
    _ratio(
        "committed orders/s, reconciler : one order a transaction",
        _ledger("reconciler", "orders_per_s"),
        _ledger("one a transaction", "orders_per_s"),
        reach=40,
        aim=60,
    ),
    _ratio(
        "reconciler : bare `unnest` insert of such rows",
        _ledger("reconciler", "orders_per_s"),
        _ledger("bare insert", "orders_per_s"),
        reach=0.6,
        aim=0.9,
    ),
    _ratio(
        "committed orders/s end to end, doorbuster : fastify-ioredis with a batched writer",
        _ledger("doorbuster, end to end", "orders_per_s"),
        _ledger("fastify-ioredis, end to end", "orders_per_s"),
        reach=1.0,
        aim=1.5,
    ),
    _at_most(
        "backlog at 30 s : at 15 s of full checkout load",
        _ledger("doorbuster, full load", "backlog_at_30_s"),
        _ledger("doorbuster, full load", "backlog_at_15_s"),
        reach=1.1,
        aim=1.1,
    ),
    _at_most(
        "backlog at 30 s : admissions a second (seconds of admissions)",
        _ledger("doorbuster, full load", "backlog_at_30_s"),
        _ledger("doorbuster, full load", "admitted_per_s"),
        reach=1.0,
        aim=1.0,
    ),
    _ratio(
        "SSE: CPU per delivered event, sse-starlette : doorbuster",
        _stream("sse-starlette", "cpu_us_per_event"),
        _OUR_STREAM,
        reach=3,
        aim=5,
    ),
    _ratio(
        "SSE: memory per stream, sse-starlette : doorbuster",
        _stream("sse-starlette", "bytes_per_stream"),
        _stream("doorbuster", "bytes_per_stream"),
        reach=2,
        aim=3,
    ),
    _at_most(
        "SSE: CPU per delivered event, doorbuster : nchan",
        _OUR_STREAM,
        _stream("nchan", "cpu_us_per_event"),
        reach=1.2,
        aim=0.9,
    ),
    _at_most(
        "p99 from the change in Redis to the last of 5,000 streams, selling out (ms)",
        _stream("doorbuster, selling out", "last_stream_p99_ms"),
        None,
        reach=500,
        aim=200,
    ),
    _at_most(
        "CPU per checkout at 1,000,000 reservations : at 1,000",
        _growth("1,000,000 reservations", "gateway_cpu_us"),
        _growth("1,000 reservations", "gateway_cpu_us"),
        reach=1.2,
        aim=1.05,
    ),
    _at_most(
        "the same, of Redis",
        _growth("1,000,000 reservations", "redis_cpu_us"),
        _growth("1,000 reservations", "redis_cpu_us"),
        reach=1.2,
        aim=1.05,
    ),
    _ratio(
        "overload: goodput at 4 times the capacity : the most of all rates",
        _overload("doorbuster", "goodput_4x_per_s"),
        _overload("doorbuster", "goodput_peak_per_s"),
        reach=0.8,
        aim=0.9,
    ),
    _ratio(
        "overload: goodput at the capacity : the most of all rates",
        _overload("doorbuster", "goodput_1x_per_s"),
        _overload("doorbuster", "goodput_peak_per_s"),
        reach=0.8,
        aim=0.9,
    ),
    _at_most(
        "overload: a payment : an admitted checkout at 4 times the capacity, median latency",
        _overload("doorbuster", "paid_p50_4x_ms"),
        _overload("doorbuster", "admitted_p50_4x_ms"),
        reach=1.0,
        aim=0.5,
    ),
)
