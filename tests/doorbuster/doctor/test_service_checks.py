"""What gateways and reconcilers must keep."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from doorbuster.doctor.finding import Check, Finding, Severity
from doorbuster.doctor.service_checks import service_findings
from doorbuster.doctor.service_facts import RecordFacts, ServiceFacts
from sql.inspection import OpenAlarm, PendingRows, UnledSale

OK, WARNING, FAULT = Severity.OK, Severity.WARNING, Severity.FAULT
FRIDAY = RecordFacts(sale_id="friday", proven=True, stamped="fsync", wanted=None)
WELL = ServiceFacts(
    reconcilers=2, sales=1, unled=(), alarms=(), stuck=(), records=(FRIDAY,)
)  # fmt: skip


def judged(check: Check, wanted: str = "fsync", **changes: Any) -> list[Finding]:
    findings = service_findings(replace(WELL, **changes), wanted)
    return [each for each in findings if each.check == check]


def severities_of(findings: list[Finding]) -> list[Severity]:
    return [each.severity for each in findings]


def test_every_check_says_something_and_all_is_well_where_it_is() -> None:
    findings = list(service_findings(WELL, "fsync"))
    assert {each.check for each in findings} == {
        check
        for check in Check
        if check.startswith("doorbuster.") and check != Check.DOORBUSTER_TOKENS
    }
    assert severities_of(findings) == [OK] * len(findings)


def test_no_reconciler_is_a_fault_where_there_are_sales_to_keep() -> None:
    check = Check.DOORBUSTER_RECONCILERS
    assert severities_of(judged(check, reconcilers=0)) == [FAULT]
    assert severities_of(judged(check, reconcilers=0, sales=0)) == [WARNING]
    assert severities_of(judged(check, reconcilers=1)) == [OK]


def test_a_sale_that_nobody_leads_is_a_fault() -> None:
    unled = tuple(UnledSale(sale_id=f"sale-{n}", seconds=n) for n in range(7))
    (finding,) = judged(Check.DOORBUSTER_LEASES, unled=unled)
    assert finding.severity == FAULT
    assert "sale-0, sale-1, sale-2, sale-3, sale-4 and 2 more, for up to 6 s" in finding.what
    (finding,) = judged(Check.DOORBUSTER_LEASES, unled=unled[:5])
    assert "sale-3, sale-4, for up to 4 s" in finding.what


def test_an_unproven_record_is_a_fault() -> None:
    unproven = replace(FRIDAY, sale_id="monday", proven=False)
    (finding,) = judged(Check.DOORBUSTER_RECORDS, records=(FRIDAY, unproven))
    assert finding.severity == FAULT
    assert "proven record of monday: checkouts are answered stock-unverified" in finding.what


def test_records_are_not_judged_while_redis_is_away() -> None:
    assert judged(Check.DOORBUSTER_RECORDS, records=None) == []
    assert judged(Check.DOORBUSTER_LEVELS, records=None) == []


@pytest.mark.parametrize(
    ("stamped", "of_the_sale", "of_the_settings", "severity"),
    [
        ("fsync", None, "fsync", OK),
        ("fsync", None, "memory", OK),
        ("replicated", None, "fsync", OK),
        ("memory", None, "memory", OK),
        ("memory", None, "ledger", OK),
        ("memory", None, "fsync", FAULT),
        ("memory", "fsync", "memory", FAULT),
        ("fsync", None, "replicated", FAULT),
        ("fsync", "memory", "fsync", OK),
        ("", None, "memory", FAULT),
    ],
)
def test_a_sale_that_was_opened_below_the_wanted_level_is_a_fault(
    stamped: str, of_the_sale: str | None, of_the_settings: str, severity: Severity
) -> None:
    record = replace(FRIDAY, stamped=stamped, wanted=of_the_sale)
    (finding,) = judged(Check.DOORBUSTER_LEVELS, of_the_settings, records=(record,))
    assert finding.severity == severity
    assert severity == OK or "mend redis.durability" in finding.remedy


def test_an_unproven_record_has_no_level_to_judge() -> None:
    record = replace(FRIDAY, proven=False, stamped="memory")
    assert severities_of(judged(Check.DOORBUSTER_LEVELS, records=(record,))) == [OK]


def test_each_sale_whose_outbox_is_stuck_is_a_fault() -> None:
    stuck = (PendingRows(sale_id="friday", oldest=7, pending=3),)
    (finding,) = judged(Check.DOORBUSTER_OUTBOX, stuck=stuck)
    assert finding.severity == FAULT
    assert "sale friday: 3 changes wait for Redis, the oldest is row 7" in finding.what


def test_each_open_alarm_is_a_fault_with_what_acknowledges_it() -> None:
    at = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
    alarm = OpenAlarm(id=12, sale_id="friday", what="a gap after version 7", at=at)
    (finding,) = judged(Check.DOORBUSTER_ALARMS, alarms=(alarm,))
    assert finding.severity == FAULT
    assert "sale friday, 2026-11-27 09:30 UTC: a gap after version 7" in finding.what
    assert finding.remedy.endswith("doorbuster alarm acknowledge 12")
