"""Clocks are compared with the round trip as the error."""

import asyncio
import time

import pytest

from doorbuster.doctor.clocks import Reading, clock_findings, read_against_host
from doorbuster.doctor.finding import Check, Severity

OK, WARNING, FAULT = Severity.OK, Severity.WARNING, Severity.FAULT
EXACT = Reading(ahead_ms=0, error_ms=0)


@pytest.mark.parametrize(
    ("ahead_ms", "error_ms", "severity"),
    [
        (0, 1, OK),
        (250, 0, OK),
        (-250, 0, OK),
        (251, 0, WARNING),
        (-251, 0, WARNING),
        (300, 60, OK),
        (2_000, 0, WARNING),
        (2_001, 0, FAULT),
        (-2_001, 0, FAULT),
        (2_100, 150, WARNING),
    ],
)
def test_only_what_is_beyond_the_error_counts(
    ahead_ms: float, error_ms: float, severity: Severity
) -> None:
    (finding,) = clock_findings(Reading(ahead_ms=ahead_ms, error_ms=error_ms), None)
    assert (finding.check, finding.severity) == (Check.CLOCK_REDIS, severity)
    assert severity == OK or "chrony" in finding.remedy


def test_a_fault_says_what_goes_wrong() -> None:
    (finding,) = clock_findings(None, Reading(ahead_ms=-5_000, error_ms=1))
    assert finding.check == Check.CLOCK_POSTGRES
    assert "the clock of Postgres is 5000.0 ms behind that of this host" in finding.what
    assert "holds end" in finding.what


def test_the_servers_are_compared_with_each_other() -> None:
    """Each may be near enough to this host, and the two too far from each other."""
    redis = Reading(ahead_ms=200, error_ms=10)
    postgres = Reading(ahead_ms=-200, error_ms=10)
    findings = {each.check: each for each in clock_findings(redis, postgres)}
    assert {check: each.severity for check, each in findings.items()} == {
        Check.CLOCK_REDIS: OK,
        Check.CLOCK_POSTGRES: OK,
        Check.CLOCK_BETWEEN: WARNING,
    }
    assert "400.0 ms ahead of that of Postgres, give or take 20.0 ms" in (
        findings[Check.CLOCK_BETWEEN].what
    )


def test_a_clock_that_could_not_be_read_is_not_judged() -> None:
    assert list(clock_findings(None, None)) == []


async def test_a_clock_is_read_in_the_middle_of_its_round_trip() -> None:
    async def ten_seconds_ahead() -> float:
        await asyncio.sleep(0.02)
        now = (time.time() + 10) * 1000
        await asyncio.sleep(0.02)
        return now

    reading = await read_against_host(ten_seconds_ahead)
    assert reading.error_ms >= 20
    assert abs(reading.ahead_ms - 10_000) <= reading.error_ms


async def test_the_fastest_of_some_readings_is_taken() -> None:
    pauses = iter([0.03, 0.001, 0.03, 0.03, 0.03])

    async def clock() -> float:
        await asyncio.sleep(next(pauses))
        return time.time() * 1000

    assert (await read_against_host(clock)).error_ms < 15
