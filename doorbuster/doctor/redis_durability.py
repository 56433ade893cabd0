"""Judges what the append-only file and the replicas of a Redis can promise."""

from collections.abc import Iterator
from typing import Final

from doorbuster.doctor.finding import Check, Finding, fault, ok, warning
from doorbuster.doctor.known_faults import tears_transactions
from doorbuster.doctor.redis_commands import REWRITE, grant_name
from doorbuster.doctor.redis_facts import Configuration, Info, RedisFacts, Replica

# The levels that rest on Redis, each with what it adds to the one before; `ledger` rests on
# Postgres alone.
LEVELS: Final = ("none", "memory", "fsync", "replicated")
KEEP: Final = "CONFIG REWRITE, so that it outlives a restart"


def durability_findings(facts: RedisFacts, wanted: str) -> Iterator[Finding]:
    """Judge everything that the level rests on."""
    yield durability(facts, wanted)
    yield log_health(facts.info, facts.configuration)
    yield log_rewrite(facts, wanted)
    yield torn_log(facts.configuration)
    yield replicas(facts.info, facts.configuration)


def proven_level(info: Info, configuration: Configuration | None) -> str:
    """Return the highest level that this server proves."""
    if not info.log_is_on:
        return "none"
    if (
        configuration is None
        or configuration.fsync_policy != "always"
        or configuration.fsync_pauses_in_rewrites
    ):
        return "memory"
    return "replicated" if configuration.min_replicas > 0 else "fsync"


def durability(facts: RedisFacts, wanted: str) -> Finding:
    """Whether what a 201 promises can be proven."""
    proven = proven_level(facts.info, facts.configuration)
    steps = "; ".join([*_steps(facts, wanted), KEEP])
    if wanted == "ledger" and proven == "none":
        return warning(
            Check.REDIS_DURABILITY,
            "without an append-only file every restart of Redis rebuilds the sales from the ledger",
            steps,
        )
    if wanted != "ledger" and LEVELS.index(proven) < LEVELS.index(wanted):
        return fault(
            Check.REDIS_DURABILITY,
            f"DOORBUSTER_DURABILITY is {wanted}, and this server proves {proven}",
            f"{steps}; or set DOORBUSTER_DURABILITY to what is proven, or to ledger",
        )
    return ok(Check.REDIS_DURABILITY, f"{wanted} is wanted; this server proves {proven}")


def _steps(facts: RedisFacts, wanted: str) -> Iterator[str]:
    configuration = facts.configuration
    if not facts.info.log_is_on:
        yield "CONFIG SET appendonly yes"
    if configuration is None and wanted in {"fsync", "replicated"}:
        yield f"ACL SETUSER {facts.user} +config|get, so that the reconciler can prove it"
    if configuration is not None and wanted in {"fsync", "replicated"}:
        yield from _configuration_steps(configuration, wanted)


def _configuration_steps(configuration: Configuration, wanted: str) -> Iterator[str]:
    if configuration.fsync_policy != "always":
        yield "CONFIG SET appendfsync always"
    if configuration.fsync_pauses_in_rewrites:
        yield "CONFIG SET no-appendfsync-on-rewrite no"
    if wanted == "replicated" and configuration.min_replicas == 0:
        yield "CONFIG SET min-replicas-to-write 1, with a replica connected"


def log_health(info: Info, configuration: Configuration | None) -> Finding:
    """Whether the last writes of log and snapshot reached the disk."""
    check = Check.REDIS_LOG_HEALTH
    if not info.last_append_ok:
        return fault(
            check,
            "the last write to the append-only file failed",
            "free disk space or replace the disk; the server's log names the error",
        )
    if not info.last_snapshot_ok and configuration and configuration.takes_snapshots:
        blocked = configuration.failed_snapshot_stops_writes
        what = "the last snapshot (RDB) failed" + (", and writes are refused" if blocked else "")
        remedy = 'free disk space and memory; or, with an append-only file: CONFIG SET save ""'
        return (fault if blocked else warning)(check, what, remedy)
    if not info.last_rewrite_ok:
        return warning(
            check,
            "the last rewrite of the append-only file failed: the file grows, and a recovery "
            "rebuilds where it could adopt",
            "free disk space and memory (fork needs some: vm.overcommit_memory=1), then "
            "BGREWRITEAOF",
        )
    return ok(check, "the last writes to disk went well")


def log_rewrite(facts: RedisFacts, wanted: str) -> Finding:
    """A recovery rewrites the log, so that nothing torn stays in it."""
    check = Check.REDIS_LOG_REWRITE
    if not facts.info.log_is_on:
        return ok(check, "there is no append-only file to rewrite")
    if facts.forbidden is None:
        return ok(check, "cannot be told without MULTI")
    name = grant_name(REWRITE)
    if name not in facts.forbidden:
        return ok(check, "recoveries may rewrite the append-only file")
    what = f"user {facts.user} may not call BGREWRITEAOF: every restart ends in a rebuild"
    remedy = f"ACL SETUSER {facts.user} +{name}"
    if tears_transactions(facts.info.flavour, facts.info.version) and wanted in LEVELS[2:]:
        return fault(
            check,
            f"{what}, and a transaction that a crash has torn can take later ones with it at the "
            "second restart",
            f"{remedy}; or install Valkey 9.1.2 or later; or set DOORBUSTER_DURABILITY=ledger",
        )
    return warning(check, what, remedy)


def torn_log(configuration: Configuration | None) -> Finding:
    """Whether the server comes back by itself after a power cut."""
    check = Check.REDIS_TORN_LOG
    if configuration is None:
        return ok(check, "cannot be told without CONFIG GET")
    if not configuration.loads_torn_log:
        return warning(
            check,
            "aof-load-truncated is no: after a power cut the server will not start by itself",
            f"CONFIG SET aof-load-truncated yes; {KEEP}; what was cut off was never acknowledged "
            "at the level fsync, and a recovery finds it at every level",
        )
    return ok(check, "a log that a power cut has torn is loaded up to the tear")


def replicas(info: Info, configuration: Configuration | None) -> Finding:
    """Who follows, how far behind, and whether writes need them."""
    check = Check.REDIS_REPLICAS
    wanted = configuration.min_replicas if configuration else 0
    longest = configuration.min_replicas_max_lag_seconds if configuration else 0
    late = [each for each in info.replicas if not _follows(each, longest)]
    following = len(info.replicas) - len(late)
    if following < wanted:
        return fault(
            check,
            f"min-replicas-to-write is {wanted}, and {following} replicas follow within "
            f"{longest} s: every write is refused",
            "connect the replicas again; or, knowing that `replicated` is lost, "
            "CONFIG SET min-replicas-to-write 0",
        )
    if late:
        return warning(
            check,
            "replicas that do not follow: " + ", ".join(map(_described, late)),
            "look into the replica's log and its network; a failover to it loses what it lacks",
        )
    return ok(check, f"{following} follow; {wanted} must, for a write")


def _follows(replica: Replica, longest: int) -> bool:
    # 0 switches the limit off; ten seconds are the servers' default.
    return replica.state == "online" and replica.lag_seconds <= (longest or 10)


def _described(replica: Replica) -> str:
    return f"{replica.address} ({replica.state}, {replica.lag_seconds} s behind)"
