"""A level counts as proven only where everything that it rests on is so."""

from dataclasses import replace

import pytest
from examined import configuration, info, redis

from doorbuster.doctor.finding import Severity
from doorbuster.doctor.redis_durability import (
    durability,
    log_health,
    log_rewrite,
    proven_level,
    replicas,
    torn_log,
)
from doorbuster.doctor.redis_facts import Configuration, Flavour, Replica

OK, WARNING, FAULT = Severity.OK, Severity.WARNING, Severity.FAULT
FOLLOWS = Replica(address="10.0.0.7:6379", state="online", lag_seconds=1)
LATE = Replica(address="10.0.0.8:6379", state="online", lag_seconds=11)
JOINING = Replica(address="10.0.0.9:6379", state="wait_bgsave", lag_seconds=0)


@pytest.mark.parametrize(
    ("log_is_on", "configured", "level"),
    [
        (False, configuration(), "none"),
        (True, None, "memory"),
        (True, configuration(fsync_policy="everysec"), "memory"),
        (True, configuration(fsync_policy="no"), "memory"),
        (True, configuration(fsync_pauses_in_rewrites=True), "memory"),
        (True, configuration(), "fsync"),
        (True, configuration(min_replicas=1), "replicated"),
        (True, configuration(min_replicas=1, fsync_policy="everysec"), "memory"),
    ],
)
def test_what_a_configuration_proves(
    configured: Configuration | None, level: str, *, log_is_on: bool
) -> None:
    assert proven_level(info(log_is_on=log_is_on), configured) == level


@pytest.mark.parametrize(
    ("wanted", "facts", "severity", "remedy"),
    [
        ("memory", redis(), OK, ""),
        ("fsync", redis(), OK, ""),
        ("replicated", redis(), FAULT, "CONFIG SET min-replicas-to-write 1"),
        ("ledger", redis(info=info(log_is_on=False)), WARNING, "CONFIG SET appendonly yes"),
        ("ledger", redis(configuration=None), OK, ""),
        ("memory", redis(info=info(log_is_on=False)), FAULT, "CONFIG SET appendonly yes"),
        ("memory", redis(configuration=None), OK, ""),
        ("fsync", redis(configuration=None), FAULT, "ACL SETUSER shop +config|get"),
        (
            "fsync",
            redis(configuration=configuration(fsync_policy="everysec")),
            FAULT,
            "CONFIG SET appendfsync always",
        ),
        (
            "fsync",
            redis(configuration=configuration(fsync_pauses_in_rewrites=True)),
            FAULT,
            "CONFIG SET no-appendfsync-on-rewrite no",
        ),
    ],
)
def test_a_wanted_level_that_is_not_proven_is_a_fault_with_its_remedy(
    wanted: str, facts: object, severity: Severity, remedy: str
) -> None:
    finding = durability(facts, wanted)  # type: ignore[arg-type]
    assert finding.severity == severity
    assert remedy in finding.remedy


def test_no_more_is_advised_than_the_level_needs() -> None:
    hidden = redis(info=info(log_is_on=False), configuration=None)
    assert "config|get" not in durability(hidden, "memory").remedy
    everysec = redis(configuration=configuration(fsync_policy="everysec"))
    assert "min-replicas" not in durability(everysec, "fsync").remedy


def test_the_finding_names_both_levels() -> None:
    facts = redis(configuration=configuration(fsync_policy="everysec"))
    finding = durability(facts, "fsync")
    assert "DOORBUSTER_DURABILITY is fsync" in finding.what
    assert "proves memory" in finding.what
    assert "ledger" in finding.remedy


def test_a_failed_write_to_the_log_is_a_fault() -> None:
    assert log_health(info(last_append_ok=False), configuration()).severity == FAULT


def test_a_failed_snapshot_is_a_fault_where_it_stops_writes() -> None:
    failed = info(last_snapshot_ok=False)
    stops = configuration(takes_snapshots=True)
    goes_on = configuration(takes_snapshots=True, failed_snapshot_stops_writes=False)
    assert log_health(failed, stops).severity == FAULT
    assert "writes are refused" in log_health(failed, stops).what
    assert log_health(failed, goes_on).severity == WARNING
    assert "writes are refused" not in log_health(failed, goes_on).what
    assert log_health(failed, configuration(takes_snapshots=False)).severity == OK


def test_a_failed_rewrite_is_a_warning() -> None:
    assert log_health(info(last_rewrite_ok=False), configuration()).severity == WARNING
    assert log_health(info(), configuration()).severity == OK


TORN = info(flavour=Flavour.REDIS, version=(7, 0, 15))


@pytest.mark.parametrize(
    ("facts", "wanted", "severity"),
    [
        (redis(), "fsync", OK),
        (redis(forbidden=("bgrewriteaof",)), "fsync", WARNING),
        (redis(forbidden=("bgrewriteaof",), info=TORN), "memory", WARNING),
        (redis(forbidden=("bgrewriteaof",), info=TORN), "fsync", FAULT),
        (redis(forbidden=("bgrewriteaof",), info=TORN), "replicated", FAULT),
        (redis(forbidden=("bgrewriteaof",), info=TORN), "ledger", WARNING),
        (redis(info=TORN), "fsync", OK),
        (redis(forbidden=("bgrewriteaof",), info=info(log_is_on=False)), "fsync", OK),
        (redis(forbidden=None), "fsync", OK),
    ],
)
def test_a_log_that_may_not_be_rewritten_is_worse_where_tears_stay_in_it(
    facts: object, wanted: str, severity: Severity
) -> None:
    finding = log_rewrite(facts, wanted)  # type: ignore[arg-type]
    assert finding.severity == severity
    assert severity == OK or "ACL SETUSER shop +bgrewriteaof" in finding.remedy


def test_a_server_that_stays_down_after_a_power_cut_is_a_warning() -> None:
    assert torn_log(configuration()).severity == OK
    assert torn_log(None).severity == OK
    finding = torn_log(configuration(loads_torn_log=False))
    assert finding.severity == WARNING
    assert "CONFIG SET aof-load-truncated yes" in finding.remedy


def test_no_replica_is_fine_where_none_is_demanded() -> None:
    assert replicas(info(), configuration()).severity == OK
    assert replicas(info(), None).severity == OK


def test_fewer_replicas_than_demanded_refuse_every_write() -> None:
    demanding = configuration(min_replicas=1)
    assert replicas(info(replicas=(FOLLOWS,)), demanding).severity == OK
    for followers in ((), (LATE,), (JOINING,)):
        finding = replicas(info(replicas=followers), demanding)
        assert finding.severity == FAULT
        assert "0 replicas follow" in finding.what


def test_a_replica_that_does_not_follow_is_named() -> None:
    finding = replicas(info(replicas=(FOLLOWS, LATE, JOINING)), configuration())
    assert finding.severity == WARNING
    assert "10.0.0.8:6379 (online, 11 s behind)" in finding.what
    assert "10.0.0.9:6379 (wait_bgsave" in finding.what
    assert "10.0.0.7" not in finding.what


def test_a_lag_without_a_limit_is_judged_by_the_servers_default() -> None:
    unlimited = configuration(min_replicas_max_lag_seconds=0)
    assert replicas(info(replicas=(LATE,)), unlimited).severity == WARNING
    assert replicas(info(replicas=(replace(LATE, lag_seconds=10),)), unlimited).severity == OK
