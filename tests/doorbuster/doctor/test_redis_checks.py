"""What a Redis or Valkey must be, and how fast."""

import re
from importlib import resources
from pathlib import Path

import pytest
from examined import configuration, info, redis

from doorbuster.doctor.finding import Check, Severity
from doorbuster.doctor.redis_checks import (
    busy_scripts,
    cluster,
    info_forbidden,
    latency,
    permissions,
    redis_away,
    redis_findings,
    role,
    version,
    writes,
)
from doorbuster.doctor.redis_commands import CONFIG_GET, PROTOCOL, REWRITE, WAIT
from doorbuster.doctor.redis_facts import Flavour, Trial, Version
from doorbuster.doctor.redis_memory import eviction, headroom

OK, WARNING, FAULT = Severity.OK, Severity.WARNING, Severity.FAULT


def test_every_check_of_redis_says_something() -> None:
    named = {each.check for each in redis_findings(redis(), "fsync")}
    assert named == {check for check in Check if check.startswith("redis.")}


def test_all_is_well_where_it_is() -> None:
    assert {each.severity for each in redis_findings(redis(), "fsync")} == {OK}


def test_a_server_that_is_away_is_a_fault_with_the_reason() -> None:
    finding = redis_away("connection refused")
    assert (finding.check, finding.severity) == (Check.REDIS_REACHABLE, FAULT)
    assert "connection refused" in finding.what
    assert "DOORBUSTER_REDIS_URL" in finding.remedy


def test_without_info_nothing_runs() -> None:
    finding = info_forbidden("NOPERM")
    assert (finding.check, finding.severity) == (Check.REDIS_PERMISSIONS, FAULT)
    assert "+info" in finding.remedy


@pytest.mark.parametrize(
    ("flavour", "number", "severity"),
    [
        (Flavour.REDIS, (6, 2, 14), FAULT),
        (Flavour.REDIS, (7, 0, 0), OK),
        (Flavour.VALKEY, (7, 2, 15), FAULT),
        (Flavour.VALKEY, (8, 0, 0), OK),
    ],
)
def test_how_old_it_may_be(flavour: Flavour, number: Version, severity: Severity) -> None:
    assert version(info(flavour=flavour, version=number)).severity == severity


def test_a_replica_is_a_fault() -> None:
    assert role(info()).severity == OK
    assert role(info(role="slave")).severity == FAULT


@pytest.mark.parametrize(
    ("size", "severity"), [(1, OK), (3, WARNING), (0, WARNING), (None, WARNING)]
)
def test_a_node_that_is_not_the_whole_cluster_is_told(size: int | None, severity: Severity) -> None:
    assert cluster(redis()).severity == OK
    finding = cluster(redis(info=info(cluster=True), cluster_size=size))
    assert finding.severity == severity
    assert severity == OK or f"{'several' if size is None else size} have slots" in finding.what


def test_a_forbidden_command_of_the_protocol_is_a_fault_with_the_acl_that_allows_it() -> None:
    finding = permissions(redis(forbidden=("xadd", "hset")), "fsync")
    assert finding.severity == FAULT
    assert "xadd, hset" in finding.what
    assert finding.remedy == "ACL SETUSER shop ~doorbuster:* &doorbuster:* +xadd +hset"


def test_what_only_recoveries_call_is_judged_elsewhere() -> None:
    assert permissions(redis(forbidden=("bgrewriteaof", "config|get")), "fsync").severity == OK


def test_wait_is_needed_for_replicas_alone() -> None:
    facts = redis(forbidden=("wait",))
    assert permissions(facts, "fsync").severity == OK
    assert permissions(facts, "replicated").severity == FAULT


def test_permissions_that_cannot_be_told_are_a_warning() -> None:
    finding = permissions(redis(forbidden=None), "fsync")
    assert finding.severity == WARNING
    assert "+multi +discard" in finding.remedy


def test_the_examined_commands_are_those_that_the_code_calls() -> None:
    called = set()
    for text in texts("lua", ".lua"):
        called |= set(re.findall(r"redis\.p?call\('([A-Z]+)'", text))
    for text in [*texts("lua", ".py"), *texts("gateway", ".py"), *texts("reconciler", ".py")]:
        called |= set(re.findall(r"(?:command|_exchange|_send)\([^\"()]*\"([A-Z]+)\"", text))
    assert len(called) > 15
    examined = {words[0] for words in (*PROTOCOL, WAIT, CONFIG_GET, REWRITE)}
    assert called - examined == set()


def texts(package: str, suffix: str) -> list[str]:
    folder = Path(str(resources.files(package)))
    return [path.read_text() for path in folder.rglob(f"*{suffix}")]


@pytest.mark.parametrize(
    ("milliseconds", "severity"), [(0, WARNING), (1, OK), (5000, OK), (5001, WARNING)]
)
def test_a_script_that_runs_away_must_be_told_soon(milliseconds: int, severity: Severity) -> None:
    assert busy_scripts(configuration(busy_reply_ms=milliseconds)).severity == severity


def test_without_config_get_the_busy_threshold_is_not_judged() -> None:
    assert busy_scripts(None).severity == OK


def test_a_slow_round_trip_is_a_warning() -> None:
    assert latency(5.0).severity == OK
    assert latency(5.1).severity == WARNING


def test_a_slow_write_is_a_warning_and_a_refused_one_a_fault() -> None:
    assert writes(redis(writes=Trial(milliseconds=25.0))).severity == OK
    assert writes(redis(writes=Trial(milliseconds=25.1))).severity == WARNING
    refused = writes(redis(writes=Trial(milliseconds=0, refusal="MISCONF disk full")))
    assert refused.severity == FAULT
    assert "disk full" in refused.what


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "allkeys-random"])
def test_a_server_that_evicts_is_a_fault(policy: str) -> None:
    finding = eviction(info(eviction_policy=policy))
    assert finding.severity == FAULT
    assert "CONFIG SET maxmemory-policy noeviction" in finding.remedy


def test_keys_that_were_evicted_before_are_told() -> None:
    assert eviction(info()).severity == OK
    assert eviction(info(evicted_keys=1)).severity == WARNING


def test_how_many_more_admissions_fit_is_told_and_few_are_a_warning() -> None:
    plenty = headroom(info(limit_bytes=51_000_000, used_bytes=1_000_000))
    assert (plenty.severity, "100,000 more" in plenty.what) == (OK, True)
    few = headroom(info(limit_bytes=50_999_500, used_bytes=1_000_000))
    assert (few.severity, "99,999 more" in few.what) == (WARNING, True)
    full = headroom(info(limit_bytes=1_000, used_bytes=1_000_000))
    assert (full.severity, "about 0 more" in full.what) == (WARNING, True)


def test_without_maxmemory_the_machine_is_the_limit() -> None:
    finding = headroom(info(limit_bytes=0, machine_bytes=8_000_000_000))
    assert finding.severity == OK
    assert "no maxmemory" in finding.what
    assert headroom(info(limit_bytes=0, machine_bytes=0)).severity == WARNING
