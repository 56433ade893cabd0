"""Facts of servers that are as they should be, for tests that change one of them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import asyncpg

from doorbuster.doctor.clocks import Reading
from doorbuster.doctor.finding import Check, Finding, Severity
from doorbuster.doctor.postgres_facts import PostgresFacts
from doorbuster.doctor.redis_facts import Configuration, Flavour, Info, RedisFacts, Trial
from doorbuster.embedded.valkey import EmbeddedValkey
from sql.inspection import MigrationState, ServerSettings

StartValkey = Callable[..., AbstractAsyncContextManager[EmbeddedValkey]]

INFO = Info(
    flavour=Flavour.VALKEY,
    version=(9, 1, 3),
    role="master",
    cluster=False,
    log_is_on=True,
    last_append_ok=True,
    last_rewrite_ok=True,
    last_snapshot_ok=True,
    used_bytes=1_000_000,
    limit_bytes=1_000_000_000,
    machine_bytes=8_000_000_000,
    eviction_policy="noeviction",
    evicted_keys=0,
    replicas=(),
)
CONFIGURATION = Configuration(
    fsync_policy="always",
    fsync_pauses_in_rewrites=False,
    loads_torn_log=True,
    takes_snapshots=False,
    failed_snapshot_stops_writes=True,
    min_replicas=0,
    min_replicas_max_lag_seconds=10,
    busy_reply_ms=5000,
    tls=False,
)
REDIS = RedisFacts(
    user="shop",
    info=INFO,
    cluster_size=0,
    configuration=CONFIGURATION,
    forbidden=(),
    ping_ms=0.2,
    writes=Trial(milliseconds=0.5),
    clock=Reading(ahead_ms=0.1, error_ms=0.1),
)
SETTINGS = ServerSettings(
    version=180_006,
    synchronous_commit="on",
    fsync=True,
    full_page_writes=True,
    autovacuum=True,
    standby_names="",
    synchronous_standbys=0,
    in_recovery=False,
    read_only=False,
    role="shop",
    superuser=False,
    sees_all_sessions=True,
    connections=97,
    connections_of_others=1,
)
POSTGRES = PostgresFacts(
    settings=SETTINGS,
    default_commit="on",
    migrations=MigrationState(missing=(), changed=(), newer=()),
    missing_privileges=(),
    waits=(),
    tables=(),
    clock=Reading(ahead_ms=0.1, error_ms=0.1),
)


def info(**changes: Any) -> Info:
    return replace(INFO, **changes)


def configuration(**changes: Any) -> Configuration:
    return replace(CONFIGURATION, **changes)


def redis(**changes: Any) -> RedisFacts:
    return replace(REDIS, **changes)


def settings(**changes: Any) -> ServerSettings:
    return replace(SETTINGS, **changes)


def severities(findings: list[Finding]) -> dict[Check, Severity]:
    """The worst that each check found."""
    order = list(Severity)
    worst: dict[Check, Severity] = {}
    for each in findings:
        worst[each.check] = max(worst.get(each.check, Severity.OK), each.severity, key=order.index)
    return worst


# What is measured: a machine that is busy with other tests may be slow.
MEASURED = {Check.REDIS_LATENCY, Check.REDIS_WRITES}


def worse_than_ok(findings: list[Finding]) -> set[Check]:
    """The checks that found anything, but for what was only slow."""
    return {check for check, each in severities(findings).items() if each != "ok"} - MEASURED


def faulty(findings: list[Finding]) -> set[Check]:
    """The checks that found a fault."""
    return {check for check, severity in severities(findings).items() if severity == "fault"}


def told(findings: list[Finding], check: Check) -> str:
    """All that a check says, and advises."""
    return "\n".join(f"{each.what} → {each.remedy}" for each in findings if each.check == check)


async def told_to(url: str, *statements: str) -> None:
    """Run statements in a database."""
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
