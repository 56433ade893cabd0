"""Compares the clocks of Redis, of Postgres and of this host.

Redis' clock opens and closes sales, that of Postgres ends holds, and a gateway's shows buyers the
time and lets tokens expire.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from doorbuster.doctor.finding import Check, Finding, fault, ok, warning

# The round trip is the error of a reading, so the fastest of some is the best of them.
READINGS: Final = 5
MUCH_MS: Final = 250.0
# A buyer would lose, or gain, as much of a hold that the countdown on the page promised.
TOO_MUCH_MS: Final = 2_000.0
MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How far a clock is ahead of this host's; the truth lies within the error."""

    ahead_ms: float
    error_ms: float


async def read_against_host(clock: Callable[[], Awaitable[float]]) -> Reading:
    """Compare a clock, in milliseconds since 1970, with this host's."""
    readings = [await _read_once(clock) for _ in range(READINGS)]
    return min(readings, key=lambda reading: reading.error_ms)


async def _read_once(clock: Callable[[], Awaitable[float]]) -> Reading:
    host_ms, began = time.time() * MILLISECONDS, time.perf_counter()
    there_ms = await clock()
    half_ms = (time.perf_counter() - began) * MILLISECONDS / 2
    # The clock was read somewhere between sending and receiving.
    return Reading(ahead_ms=there_ms - host_ms - half_ms, error_ms=half_ms)


def clock_findings(redis: Reading | None, postgres: Reading | None) -> Iterator[Finding]:
    """Judge those that could be read, and the two against each other."""
    if redis:
        yield _judged(Check.CLOCK_REDIS, "Redis", "this host", redis)
    if postgres:
        yield _judged(Check.CLOCK_POSTGRES, "Postgres", "this host", postgres)
    if redis and postgres:
        between = Reading(
            ahead_ms=redis.ahead_ms - postgres.ahead_ms,
            error_ms=redis.error_ms + postgres.error_ms,
        )
        yield _judged(Check.CLOCK_BETWEEN, "Redis", "Postgres", between)


def _judged(check: Check, one: str, other: str, reading: Reading) -> Finding:
    direction = "ahead of" if reading.ahead_ms >= 0 else "behind"
    what = (
        f"the clock of {one} is {abs(reading.ahead_ms):.1f} ms {direction} that of {other}, "
        f"give or take {reading.error_ms:.1f} ms"
    )
    remedy = "run chrony or another NTP client on every host: chronyc tracking tells the offset"
    surely_ms = abs(reading.ahead_ms) - reading.error_ms
    if surely_ms > TOO_MUCH_MS:
        reason = "sales open, holds end and tokens expire at another time than buyers are told"
        return fault(check, f"{what}: {reason}", remedy)
    if surely_ms > MUCH_MS:
        return warning(check, what, remedy)
    return ok(check, what)
