"""What an examined Redis or Valkey tells of itself, parsed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from doorbuster.doctor.clocks import Reading

Version: TypeAlias = tuple[int, int, int]


class Flavour(StrEnum):
    """Valkey calls itself Redis 7.2.4, too, for clients that know no better."""

    REDIS = "Redis"
    VALKEY = "Valkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A replica as its primary sees it."""

    address: str
    state: str
    lag_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What INFO tells; every client needs it, because the scripts call it too."""

    flavour: Flavour
    version: Version
    role: str
    cluster: bool
    log_is_on: bool
    last_append_ok: bool
    last_rewrite_ok: bool
    last_snapshot_ok: bool
    used_bytes: int
    limit_bytes: int
    machine_bytes: int
    eviction_policy: str
    evicted_keys: int
    replicas: tuple[Replica, ...]

    @property
    def name(self) -> str:
        """Flavour and version."""
        return f"{self.flavour} {written(self.version)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What CONFIG GET tells, where it is permitted."""

    fsync_policy: str
    fsync_pauses_in_rewrites: bool
    loads_torn_log: bool
    takes_snapshots: bool
    failed_snapshot_stops_writes: bool
    min_replicas: int
    min_replicas_max_lag_seconds: int
    busy_reply_ms: int
    tls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Writes that were tried: the median of what they took, or why they were refused."""

    milliseconds: float
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """Everything together; None is what the user may not ask.

    `cluster_size` counts the nodes that have slots, 0 where there is no cluster; `forbidden` names
    the commands that the user may not call.
    """

    user: str
    info: Info
    cluster_size: int | None
    configuration: Configuration | None
    forbidden: tuple[str, ...] | None
    ping_ms: float
    writes: Trial
    clock: Reading | None


def written(version: Version) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))


def parse_info(text: str) -> Info:
    """Parse the reply of INFO. Some services leave fields out; an absence is taken as harmless."""
    fields = dict(_pairs(text, ":"))
    valkey = fields.get("server_name") == "valkey"
    return Info(
        flavour=Flavour.VALKEY if valkey else Flavour.REDIS,
        version=_version(fields["valkey_version" if valkey else "redis_version"]),
        role=fields["role"],
        cluster=fields.get("cluster_enabled") == "1",
        log_is_on=fields.get("aof_enabled") == "1",
        last_append_ok=fields.get("aof_last_write_status", "ok") == "ok",
        last_rewrite_ok=fields.get("aof_last_bgrewrite_status", "ok") == "ok",
        last_snapshot_ok=fields.get("rdb_last_bgsave_status", "ok") == "ok",
        used_bytes=int(fields["used_memory"]),
        limit_bytes=int(fields.get("maxmemory", 0)),
        machine_bytes=int(fields.get("total_system_memory", 0)),
        eviction_policy=fields.get("maxmemory_policy", "noeviction"),
        evicted_keys=int(fields.get("evicted_keys", 0)),
        replicas=tuple(_replicas(fields)),
    )


def parse_configuration(fields: Mapping[str, str]) -> Configuration:
    """Parse the reply of CONFIG GET *."""
    return Configuration(
        fsync_policy=fields.get("appendfsync", ""),
        fsync_pauses_in_rewrites=fields.get("no-appendfsync-on-rewrite") == "yes",
        loads_torn_log=fields.get("aof-load-truncated", "yes") == "yes",
        takes_snapshots=bool(fields.get("save")),
        failed_snapshot_stops_writes=fields.get("stop-writes-on-bgsave-error") == "yes",
        min_replicas=int(fields.get("min-replicas-to-write", 0)),
        min_replicas_max_lag_seconds=int(fields.get("min-replicas-max-lag", 0)),
        busy_reply_ms=int(fields.get("busy-reply-threshold", fields.get("lua-time-limit", 0))),
        tls=fields.get("tls-port", "0") != "0",
    )


def parse_cluster_size(text: str) -> int:
    """Parse the reply of CLUSTER INFO."""
    return int(dict(_pairs(text, ":")).get("cluster_size", 0))


def _pairs(text: str, separator: str) -> Iterator[tuple[str, str]]:
    for part in text.split("\r\n" if separator == ":" else ","):
        name, found, value = part.partition(separator)
        if found:
            yield name, value


def _version(text: str) -> Version:
    numbers = [int(part) for part in text.partition("-")[0].split(".")]
    major, minor, patch = (*numbers, 0, 0)[:3]
    return major, minor, patch


def _replicas(fields: Mapping[str, str]) -> Iterator[Replica]:
    for name, value in fields.items():
        if name.startswith("slave") and name.removeprefix("slave").isdigit():
            parts = dict(_pairs(value, "="))
            yield Replica(
                address=f"{parts['ip']}:{parts['port']}",
                state=parts["state"],
                lag_seconds=int(parts["lag"]),
            )
