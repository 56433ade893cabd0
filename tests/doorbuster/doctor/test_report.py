"""The report says all that was found, to people and to programs."""

import json

import pytest

from doorbuster.doctor.finding import Check, fault, ok, warning
from doorbuster.doctor.report import is_healthy, print_report

FINE = ok(Check.REDIS_VERSION, "Valkey 9.1.3")
WORRYING = warning(Check.POSTGRES_ROLE, "role [shop] is a superuser", "CREATE ROLE shop")
BROKEN = fault(Check.REDIS_EVICTION, "allkeys-lru", "CONFIG SET maxmemory-policy noeviction")


def test_warnings_are_allowed_and_faults_are_not() -> None:
    assert is_healthy([])
    assert is_healthy([FINE, WORRYING])
    assert not is_healthy([FINE, BROKEN])


def test_people_read_each_finding_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    print_report([FINE, WORRYING, BROKEN], as_json=False)
    said = capsys.readouterr().out
    for words in (
        "redis.version",
        "Valkey 9.1.3",
        "role [shop] is a superuser",
        "→ CREATE ROLE shop",
        "→ CONFIG SET maxmemory-policy noeviction",
        "ok: 1, warning: 1, fault: 1",
    ):
        assert words in said


def test_programs_read_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_report([WORRYING, BROKEN], as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "healthy": False,
        "findings": [
            {
                "check": "postgres.role",
                "severity": "warning",
                "what": "role [shop] is a superuser",
                "remedy": "CREATE ROLE shop",
            },
            {
                "check": "redis.eviction",
                "severity": "fault",
                "what": "allkeys-lru",
                "remedy": "CONFIG SET maxmemory-policy noeviction",
            },
        ],
    }
