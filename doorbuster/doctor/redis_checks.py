"""Judges what a Redis or Valkey is, and how fast it answers."""

from collections.abc import Iterator
from typing import Final

from doorbuster.doctor.finding import Check, Finding, fault, ok, warning
from doorbuster.doctor.known_faults import SECURITY, has_early_waitaof
from doorbuster.doctor.redis_commands import PROTOCOL, WAIT, grant_name
from doorbuster.doctor.redis_durability import durability_findings
from doorbuster.doctor.redis_facts import Configuration, Flavour, Info, RedisFacts
from doorbuster.doctor.redis_memory import memory_findings

# `#!lua` scripts with flags came with Redis 7.0; Valkey's first own release is 8.0.
OLDEST: Final = {Flavour.REDIS: (7, 0, 0), Flavour.VALKEY: (8, 0, 0)}
# All our loops are bounded: a script of ours takes some milliseconds. The servers' default.
LONGEST_BUSY_REPLY_MS: Final = 5_000
# A checkout waits for one or two round trips.
SLOW_PING_MS: Final = 5.0
# Each batch waits for one; a disk that takes longer halves what a sale can sell.
SLOW_WRITE_MS: Final = 25.0


def redis_away(reason: str) -> Finding:
    """There is nothing to examine."""
    return fault(
        Check.REDIS_REACHABLE,
        f"Redis does not answer: {reason}",
        "start it, or correct DOORBUSTER_REDIS_URL: host, port, user, password, firewall",
    )


def info_forbidden(reason: str) -> Finding:
    """The scripts call INFO as well, so nothing can be sold."""
    return fault(
        Check.REDIS_PERMISSIONS,
        f"the user may not call INFO, and no script of ours runs without it: {reason}",
        grant("<user>", ("info",)),
    )


def redis_findings(facts: RedisFacts, wanted: str) -> Iterator[Finding]:
    """Judge everything, for the level that DOORBUSTER_DURABILITY wants."""
    yield ok(Check.REDIS_REACHABLE, f"{facts.info.name} answers")
    yield permissions(facts, wanted)
    yield version(facts.info)
    yield from known_faults(facts.info, facts.configuration)
    yield role(facts.info)
    yield cluster(facts)
    yield from durability_findings(facts, wanted)
    yield from memory_findings(facts.info)
    yield busy_scripts(facts.configuration)
    yield latency(facts.ping_ms)
    yield writes(facts)


def grant(user: str, commands: tuple[str, ...]) -> str:
    """Return the ACL line that lets the user do it on our keys and channels."""
    allowed = " ".join(f"+{command}" for command in commands)
    return f"ACL SETUSER {user} ~doorbuster:* &doorbuster:* {allowed}"


def permissions(facts: RedisFacts, wanted: str) -> Finding:
    """Whether the user may call what gateways and reconcilers call at the level that is wanted."""
    if facts.forbidden is None:
        return warning(
            Check.REDIS_PERMISSIONS,
            f"user {facts.user} may not call MULTI: what else is forbidden cannot be told",
            grant(facts.user, ("multi", "discard")),
        )
    needed = [*PROTOCOL, WAIT] if wanted == "replicated" else PROTOCOL
    names = {grant_name(words) for words in needed}
    missing = tuple(name for name in facts.forbidden if name in names)
    if missing:
        return fault(
            Check.REDIS_PERMISSIONS,
            f"user {facts.user} may not call {', '.join(missing)}",
            grant(facts.user, missing),
        )
    return ok(
        Check.REDIS_PERMISSIONS,
        f"user {facts.user} may call the {len(names)} commands of the protocol",
    )


def version(info: Info) -> Finding:
    """Whether it is new enough."""
    oldest = OLDEST[info.flavour]
    if info.version < oldest:
        return fault(
            Check.REDIS_VERSION,
            f"{info.name} is too old for our scripts",
            "install Redis 7.0 or later, or Valkey 8.0 or later",
        )
    return ok(Check.REDIS_VERSION, info.name)


def known_faults(info: Info, configuration: Configuration | None) -> Iterator[Finding]:
    """What is known to be wrong with this version, as it is configured."""
    found = False
    tls = configuration is None or configuration.tls
    for known in SECURITY:
        applies = (tls or not known.needs_tls) and (info.cluster or not known.needs_cluster)
        if applies and known.strikes(info.flavour, info.version):
            found = True
            yield warning(
                Check.REDIS_KNOWN_FAULTS,
                f"{info.name}: {known.what}",
                known.remedy(info.version),
            )
    if configuration and configuration.fsync_policy == "everysec":
        found = found or has_early_waitaof(info.flavour, info.version)
        yield from early_waitaof(info)
    if not found:
        yield ok(Check.REDIS_KNOWN_FAULTS, f"none of {info.name} that matters here")


def early_waitaof(info: Info) -> Iterator[Finding]:
    """Told, for whoever else uses the server: no level of ours leans on WAITAOF."""
    if has_early_waitaof(info.flavour, info.version):
        yield ok(
            Check.REDIS_KNOWN_FAULTS,
            f"{info.name} with appendfsync everysec: WAITAOF answers before the disk has the "
            "write; Doorbuster never asks it",
        )


def role(info: Info) -> Finding:
    """Only a primary decides."""
    if info.role != "master":
        return fault(
            Check.REDIS_ROLE,
            f"this server is a {info.role}: it refuses every write",
            "let DOORBUSTER_REDIS_URL name the primary; after a failover, a name that follows it",
        )
    return ok(Check.REDIS_ROLE, "primary")


def cluster(facts: RedisFacts) -> Finding:
    """Each process talks to the one node of its URL: that must be all of the cluster."""
    if not facts.info.cluster:
        return ok(Check.REDIS_CLUSTER, "no cluster")
    if facts.cluster_size == 1:
        return ok(Check.REDIS_CLUSTER, "a cluster of one node")
    size = "several" if facts.cluster_size is None else facts.cluster_size
    return warning(
        Check.REDIS_CLUSTER,
        f"a node of a cluster, in which {size} have slots: sales in the slots of others cannot be "
        "sold",
        "give this node every slot (redis-cli --cluster reshard), or take a server that is no node "
        "of a cluster (cluster-enabled no)",
    )


def busy_scripts(configuration: Configuration | None) -> Finding:
    """A script that runs away must be seen, and ended."""
    if configuration is None:
        return ok(Check.REDIS_BUSY_SCRIPTS, "cannot be told without CONFIG GET")
    milliseconds = configuration.busy_reply_ms
    if not 0 < milliseconds <= LONGEST_BUSY_REPLY_MS:
        return warning(
            Check.REDIS_BUSY_SCRIPTS,
            f"busy-reply-threshold is {milliseconds} ms: while another program's script runs "
            "away, every checkout hangs",
            "CONFIG SET busy-reply-threshold 5000",
        )
    return ok(Check.REDIS_BUSY_SCRIPTS, f"a script that runs away is told after {milliseconds} ms")


def latency(ping_ms: float) -> Finding:
    """How long a round trip takes from here."""
    if ping_ms > SLOW_PING_MS:
        return warning(
            Check.REDIS_LATENCY,
            f"half of the PINGs from this host took longer than {ping_ms:.1f} ms",
            "run gateways in the same zone as Redis, and look for what else keeps it busy "
            "(SLOWLOG GET)",
        )
    return ok(Check.REDIS_LATENCY, f"PING takes {ping_ms:.2f} ms")


def writes(facts: RedisFacts) -> Finding:
    """Whether a write is taken, and how long it takes with what the log asks for."""
    trial = facts.writes
    if trial.refusal:
        return fault(
            Check.REDIS_WRITES,
            f"a write was refused: {trial.refusal}",
            "mend what the message names; no checkout is admitted until then",
        )
    if trial.milliseconds > SLOW_WRITE_MS:
        return warning(
            Check.REDIS_WRITES,
            f"half of the writes took longer than {trial.milliseconds:.1f} ms; each batch of "
            "checkouts waits for one",
            "put the append-only file on a disk with a fast fsync (a local NVMe disk has 0.1 ms)",
        )
    return ok(Check.REDIS_WRITES, f"a write takes {trial.milliseconds:.2f} ms")
