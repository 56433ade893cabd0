"""Judges how much more a Redis can hold, and what it does when it is full."""

from collections.abc import Iterator
from typing import Final

from doorbuster.doctor.finding import Check, Finding, fault, ok, warning
from doorbuster.doctor.redis_facts import Info
from reconciler.server_facts import BYTES_PER_ADMISSION

# A sale of this size is ordinary, and its admissions must never meet OOM.
FEW_ADMISSIONS: Final = 100_000
MEBIBYTE: Final = 1024 * 1024


def memory_findings(info: Info) -> Iterator[Finding]:
    """Judge both."""
    yield eviction(info)
    yield headroom(info)


def eviction(info: Info) -> Finding:
    """A server that evicts throws stock and reservations away."""
    if info.eviction_policy != "noeviction":
        return fault(
            Check.REDIS_EVICTION,
            f"maxmemory-policy is {info.eviction_policy}: when memory runs out, stock and "
            "reservations vanish",
            "CONFIG SET maxmemory-policy noeviction, and CONFIG REWRITE; a cache belongs on "
            "another server",
        )
    if info.evicted_keys:
        return warning(
            Check.REDIS_EVICTION,
            f"{info.evicted_keys} keys were evicted since the server started, before "
            "maxmemory-policy was noeviction",
            "doorbuster audit",
        )
    return ok(Check.REDIS_EVICTION, "noeviction")


def headroom(info: Info) -> Finding:
    """How many more admissions fit."""
    limit = info.limit_bytes or info.machine_bytes
    if not limit:
        return warning(
            Check.REDIS_MEMORY,
            "neither maxmemory nor the machine's memory can be told",
            "CONFIG SET maxmemory to three quarters of what the server may use",
        )
    room = max(limit - info.used_bytes, 0) // BYTES_PER_ADMISSION
    named = "maxmemory" if info.limit_bytes else "no maxmemory; the machine"
    what = f"{named} has {limit // MEBIBYTE:,} MiB: room for about {room:,} more admissions"
    if room < FEW_ADMISSIONS:
        return warning(
            Check.REDIS_MEMORY,
            what,
            f"CONFIG SET maxmemory to what the sale needs: {BYTES_PER_ADMISSION} bytes for each "
            "unit that may be sold, and half as much again for rewriting the log",
        )
    return ok(Check.REDIS_MEMORY, what)
