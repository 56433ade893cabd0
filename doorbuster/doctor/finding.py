"""What an examination finds: one line for each check, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """A fault breaks a promise or stops the sale; a warning will, one day."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Check(StrEnum):
    """Everything that is looked at, in the order of the report and of docs/operations/doctor.md."""

    REDIS_REACHABLE = "redis.reachable"
    REDIS_PERMISSIONS = "redis.permissions"
    REDIS_VERSION = "redis.version"
    REDIS_KNOWN_FAULTS = "redis.known-faults"
    REDIS_ROLE = "redis.role"
    REDIS_CLUSTER = "redis.cluster"
    REDIS_DURABILITY = "redis.durability"
    REDIS_LOG_HEALTH = "redis.log-health"
    REDIS_LOG_REWRITE = "redis.log-rewrite"
    REDIS_TORN_LOG = "redis.torn-log"
    REDIS_REPLICAS = "redis.replicas"
    REDIS_EVICTION = "redis.eviction"
    REDIS_MEMORY = "redis.memory"
    REDIS_BUSY_SCRIPTS = "redis.busy-scripts"
    REDIS_LATENCY = "redis.latency"
    REDIS_WRITES = "redis.writes"
    POSTGRES_REACHABLE = "postgres.reachable"
    POSTGRES_VERSION = "postgres.version"
    POSTGRES_WRITABLE = "postgres.writable"
    POSTGRES_DURABILITY = "postgres.durability"
    POSTGRES_STANDBYS = "postgres.standbys"
    POSTGRES_CONNECTIONS = "postgres.connections"
    POSTGRES_MIGRATIONS = "postgres.migrations"
    POSTGRES_ROLE = "postgres.role"
    POSTGRES_PRIVILEGES = "postgres.privileges"
    POSTGRES_WAITS = "postgres.waits"
    POSTGRES_DEAD_ROWS = "postgres.dead-rows"
    CLOCK_REDIS = "clocks.redis"
    CLOCK_POSTGRES = "clocks.postgres"
    CLOCK_BETWEEN = "clocks.redis-postgres"
    DOORBUSTER_RECONCILERS = "doorbuster.reconcilers"
    DOORBUSTER_LEASES = "doorbuster.leases"
    DOORBUSTER_RECORDS = "doorbuster.records"
    DOORBUSTER_LEVELS = "doorbuster.levels"
    DOORBUSTER_OUTBOX = "doorbuster.outbox"
    DOORBUSTER_ALARMS = "doorbuster.alarms"
    DOORBUSTER_TOKENS = "doorbuster.tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, and what to do: the exact setting or command, empty where all is well."""

    check: Check
    severity: Severity
    what: str
    remedy: str = ""


def ok(check: Check, what: str) -> Finding:
    """All is well."""
    return Finding(check=check, severity=Severity.OK, what=what)


def warning(check: Check, what: str, remedy: str) -> Finding:
    """Something to mend before it matters."""
    return Finding(check=check, severity=Severity.WARNING, what=what, remedy=remedy)


def fault(check: Check, what: str, remedy: str) -> Finding:
    """Something to mend before anything is sold."""
    return Finding(check=check, severity=Severity.FAULT, what=what, remedy=remedy)
