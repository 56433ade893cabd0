"""What a Postgres must promise, and let us do."""

from dataclasses import replace
from typing import Any

import pytest
from examined import POSTGRES, settings

from doorbuster.doctor.finding import Check, Severity
from doorbuster.doctor.postgres_checks import (
    Demand,
    connections,
    dead_rows,
    durability,
    migrations,
    postgres_away,
    postgres_findings,
    privileges,
    role,
    standbys,
    version,
    waits,
    writable,
)
from sql.inspection import MigrationState, TableRows, Wait

OK, WARNING, FAULT = Severity.OK, Severity.WARNING, Severity.FAULT
DEMAND = Demand(gateways=2, for_each_gateway=8, reconcilers=1, for_each_reconciler=10)


def test_every_check_of_postgres_says_something_and_all_is_well_where_it_is() -> None:
    findings = list(postgres_findings(POSTGRES, DEMAND))
    assert {each.check for each in findings} == {
        check for check in Check if check.startswith("postgres.")
    }
    assert {each.severity for each in findings} == {OK}


def test_a_server_that_is_away_is_a_fault_with_the_reason() -> None:
    finding = postgres_away("connection refused")
    assert (finding.check, finding.severity) == (Check.POSTGRES_REACHABLE, FAULT)
    assert "connection refused" in finding.what
    assert "DOORBUSTER_DATABASE_URL" in finding.remedy


@pytest.mark.parametrize(
    ("number", "severity", "told"),
    [
        (130_022, FAULT, "13.22 is too old"),
        (140_023, WARNING, "no security fixes after 12 November 2026"),
        (150_017, WARNING, "lacks the security fixes of 15.18"),
        (150_018, OK, "15.18"),
        (160_013, WARNING, "lacks the security fixes of 16.14"),
        (180_004, OK, "18.4"),
        (190_000, OK, "19.0"),
    ],
)
def test_which_versions_are_mended(number: int, severity: Severity, told: str) -> None:
    finding = version(settings(version=number))
    assert finding.severity == severity
    assert told in finding.what


def test_the_ledger_must_take_writes() -> None:
    assert writable(settings()).severity == OK
    assert writable(settings(in_recovery=True)).severity == FAULT
    read_only = writable(settings(read_only=True))
    assert read_only.severity == FAULT
    assert 'ALTER ROLE "shop"' in read_only.remedy


@pytest.mark.parametrize(
    ("changes", "default", "severity", "told"),
    [
        ({}, "on", OK, "fsync on"),
        ({"fsync": False}, "on", FAULT, "fsync is off"),
        ({"full_page_writes": False}, "on", FAULT, "full_page_writes is off"),
        ({"synchronous_commit": "off"}, "off", FAULT, "in our own sessions"),
        ({"synchronous_commit": "local"}, "local", OK, "synchronous_commit local"),
        ({}, "off", WARNING, "off by default"),
    ],
)
def test_a_commit_must_outlive_a_power_cut(
    changes: dict[str, Any], default: str, severity: Severity, told: str
) -> None:
    finding = durability(settings(**changes), default)
    assert finding.severity == severity
    assert told in finding.what
    assert severity == OK or " = on" in finding.remedy


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({}, OK),
        ({"standby_names": "two", "synchronous_standbys": 1}, OK),
        ({"standby_names": "two"}, FAULT),
        ({"standby_names": "two", "sees_all_sessions": False}, OK),
        ({"standby_names": "two", "synchronous_commit": "local"}, WARNING),
    ],
)
def test_a_standby_that_is_demanded_must_be_there(
    changes: dict[str, Any], severity: Severity
) -> None:
    assert standbys(settings(**changes)).severity == severity


def test_there_must_be_room_for_the_pools_of_all_processes() -> None:
    enough = connections(settings(connections=27, connections_of_others=1), DEMAND)
    assert enough.severity == OK
    assert "8 for each gateway process, 10 for each reconciler: 26 for 2 and 1" in enough.what
    assert (
        connections(settings(connections=27, connections_of_others=2), DEMAND).severity == WARNING
    )


@pytest.mark.parametrize(
    ("state", "severity", "remedy"),
    [
        (MigrationState(missing=(), changed=(), newer=()), OK, ""),
        (MigrationState(missing=("0002 a",), changed=(), newer=()), FAULT, "doorbuster migrate"),
        (MigrationState(missing=("2",), changed=("1",), newer=()), FAULT, "install the version"),
        (MigrationState(missing=(), changed=(), newer=("9",)), WARNING, "finish the upgrade"),
        (None, WARNING, "GRANT SELECT ON schema_migration"),
    ],
)
def test_the_schema_must_be_this_programs(
    state: MigrationState | None, severity: Severity, remedy: str
) -> None:
    finding = migrations(state)
    assert finding.severity == severity
    assert remedy in finding.remedy


def test_a_superuser_is_a_warning() -> None:
    assert role(settings()).severity == OK
    assert role(settings(superuser=True)).severity == WARNING


def test_a_missing_privilege_is_a_fault_with_the_grant() -> None:
    assert privileges(settings(), ()).severity == OK
    finding = privileges(settings(), ["insert on reservation"])
    assert finding.severity == FAULT
    assert "insert on reservation" in finding.what
    assert finding.remedy.endswith('TO "shop"')


def test_each_session_that_holds_others_up_is_told_with_what_ends_it() -> None:
    wait = Wait(pid=42, application_name="psql", kind="idle in a transaction", seconds=61.4)
    findings = list(waits(settings(), [wait, replace(wait, pid=43, application_name="")]))
    assert [each.severity for each in findings] == [WARNING, WARNING]
    assert "session 42 (psql) has been idle in a transaction for 61 s" in findings[0].what
    assert "pg_terminate_backend(43)" in findings[1].remedy


def test_a_role_that_sees_only_itself_says_so() -> None:
    seeing, blind = (
        next(waits(settings(sees_all_sessions=sees), [])).what for sees in (True, False)
    )
    assert "sees no more" not in seeing
    assert "sees no more" in blind


def test_dead_rows_that_outnumber_the_live_are_a_warning() -> None:
    def judged(*tables: TableRows) -> list[Severity]:
        return [each.severity for each in dead_rows(settings(), tables)]

    assert judged(TableRows(name="item", live=10, dead=10_000)) == [OK]
    assert judged(TableRows(name="item", live=10, dead=10_001)) == [WARNING]
    assert judged(TableRows(name="reservation", live=50_000, dead=50_000)) == [OK]
    assert judged(TableRows(name="reservation", live=50_000, dead=50_001)) == [WARNING]


def test_autovacuum_that_is_off_is_a_warning() -> None:
    findings = list(dead_rows(settings(autovacuum=False), []))
    assert [each.severity for each in findings] == [WARNING]
    assert "ALTER SYSTEM SET autovacuum = on" in findings[0].remedy
