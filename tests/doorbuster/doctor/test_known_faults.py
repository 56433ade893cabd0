"""A version is told whether it has a fault by the good releases of each branch."""

import pytest
from examined import configuration, info, told

from doorbuster.doctor.finding import Check, Severity
from doorbuster.doctor.known_faults import KnownFault, is_mended, tears_transactions
from doorbuster.doctor.redis_checks import known_faults
from doorbuster.doctor.redis_facts import Flavour, Version

MENDED = ((7, 2, 11), (7, 4, 6), (8, 0, 4))
FAULT = KnownFault(flavour=Flavour.REDIS, mended=MENDED, what="it breaks")


@pytest.mark.parametrize(
    ("version", "mended"),
    [
        ((7, 2, 10), False),
        ((7, 2, 11), True),
        ((7, 2, 12), True),
        ((7, 4, 5), False),
        ((7, 4, 6), True),
        ((7, 0, 15), False),
        ((7, 3, 99), False),
        ((8, 0, 3), False),
        ((8, 2, 0), True),
    ],
)
def test_each_branch_has_a_first_good_release(version: Version, *, mended: bool) -> None:
    assert is_mended(version, MENDED) == mended


def test_a_fault_is_one_of_one_flavour() -> None:
    assert FAULT.strikes(Flavour.REDIS, (7, 2, 4))
    assert not FAULT.strikes(Flavour.VALKEY, (7, 2, 4))


def test_the_remedy_stays_in_the_branch_where_that_has_a_good_release() -> None:
    assert FAULT.remedy((7, 2, 4)) == "install Redis 7.2.11 or later"


def test_the_remedy_for_an_ended_branch_thinks_of_distributions() -> None:
    remedy = FAULT.remedy((7, 0, 15))
    assert "Redis 8.0.4 or later" in remedy
    assert "distribution" in remedy


def found(flavour: Flavour, version: Version, **changes: object) -> str:
    examined = info(flavour=flavour, version=version, cluster=changes.pop("cluster", False))
    configured = configuration(**changes)
    return told(list(known_faults(examined, configured)), Check.REDIS_KNOWN_FAULTS)


def test_a_hole_in_tls_matters_only_with_tls() -> None:
    assert "CVE-2026-81934" not in found(Flavour.REDIS, (8, 2, 8))
    assert "CVE-2026-81934" in found(Flavour.REDIS, (8, 2, 8), tls=True)
    assert "CVE-2026-81934" not in found(Flavour.REDIS, (8, 2, 9), tls=True)


def test_a_hole_in_tls_counts_where_the_configuration_is_hidden() -> None:
    findings = list(known_faults(info(flavour=Flavour.REDIS, version=(8, 2, 8)), None))
    assert "CVE-2026-81934" in told(findings, Check.REDIS_KNOWN_FAULTS)


def test_a_known_fault_is_a_warning_and_waitaof_is_only_told() -> None:
    old = known_faults(info(version=(8, 0, 5)), configuration())
    assert [each.severity for each in old] == [Severity.WARNING]
    early = list(known_faults(info(), configuration(fsync_policy="everysec")))
    assert [each.severity for each in early] == [Severity.OK]
    assert "WAITAOF" in early[0].what


def test_a_hole_in_the_cluster_matters_only_in_one() -> None:
    assert "GHSA-f4q9" not in found(Flavour.VALKEY, (9, 1, 2))
    assert "GHSA-f4q9" in found(Flavour.VALKEY, (9, 1, 2), cluster=True)
    assert "GHSA-f4q9" not in found(Flavour.VALKEY, (9, 1, 3), cluster=True)


@pytest.mark.parametrize(
    ("flavour", "version", "early"),
    [
        (Flavour.VALKEY, (9, 1, 2), True),
        (Flavour.REDIS, (7, 2, 4), False),
        (Flavour.REDIS, (7, 4, 2), True),
        (Flavour.REDIS, (7, 4, 3), False),
        (Flavour.REDIS, (8, 2, 9), False),
    ],
)
def test_waitaof_is_told_only_where_it_lies(
    flavour: Flavour, version: Version, *, early: bool
) -> None:
    assert ("WAITAOF" in found(flavour, version, fsync_policy="everysec")) == early
    assert "WAITAOF" not in found(flavour, version, fsync_policy="always")


def test_a_good_version_has_none() -> None:
    assert "none of Valkey 9.1.3" in found(Flavour.VALKEY, (9, 1, 3), fsync_policy="always")


@pytest.mark.parametrize(
    ("flavour", "version", "tears"),
    [
        (Flavour.REDIS, (7, 0, 15), True),
        (Flavour.REDIS, (8, 10, 1), True),
        (Flavour.VALKEY, (8, 1, 9), True),
        (Flavour.VALKEY, (8, 1, 10), False),
        (Flavour.VALKEY, (9, 1, 1), True),
        (Flavour.VALKEY, (9, 1, 2), False),
    ],
)
def test_which_versions_keep_a_torn_transaction(
    flavour: Flavour, version: Version, *, tears: bool
) -> None:
    assert tears_transactions(flavour, version) == tears
