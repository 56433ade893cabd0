"""What the reconciler, and nobody else, asks a Redis server about itself."""

import asyncio
from collections.abc import Mapping
from typing import Final

from lua.faults import NothingHappened, ScriptFault
from lua.record import Proof
from lua.replies import mapping, text
from lua.server import Server

REWRITE_PAUSE_SECONDS: Final = 0.005
REWRITE_SECONDS: Final = 60.0
# An admission takes 300 to 410 bytes of Redis; the rest is room for the longest carts.
BYTES_PER_ADMISSION: Final = 500
# Half a gigabyte, and at 20,000 orders a second the ledger's work of a minute.
MAX_BACKLOG: Final = 1_000_000
# Memory may be free again in a moment, and the bound stays for as long as the epoch. While it is
# not, Redis itself refuses to admit; and a ledger that is not away never lags so far.
MIN_BACKLOG: Final = 10_000


async def replication_id(server: Server) -> str:
    """What names the history that the server writes now; a restart or a promotion changes it."""
    lines = text(await server.command("INFO", "replication")).split("\r\n")
    return next(line for line in lines if line.startswith("master_replid:")).partition(":")[2]


async def rewrite_log(server: Server) -> bool:
    """Rewrite the append-only file and wait for it; False where the server does not do it.

    Redis 7.0 drops a transaction that was torn at the end of the file, and brings it back at the
    second restart. A rewritten file has nothing torn in it.
    """
    if "aof_enabled:0" in await _persistence(server):
        return True
    if not await _start_rewrite(server):
        return False
    try:
        async with asyncio.timeout(REWRITE_SECONDS):
            while _is_rewriting(facts := await _persistence(server)):
                await asyncio.sleep(REWRITE_PAUSE_SECONDS)
    except TimeoutError:
        return False
    return "aof_last_bgrewrite_status:ok" in facts


async def _start_rewrite(server: Server) -> bool:
    try:
        await server.command("BGREWRITEAOF")
    except ScriptFault:
        # Another sale's recovery began one a moment ago; it contains what it must.
        return _is_rewriting(await _persistence(server))
    except NothingHappened as fault:
        _check_forbidden(fault)
        return False
    return True


async def is_rewriting(server: Server) -> bool:
    """Whether the append-only file is being rewritten, or will be: it may not be whole yet."""
    return _is_rewriting(await _persistence(server))


def _is_rewriting(facts: list[str]) -> bool:
    return "aof_rewrite_in_progress:1" in facts or "aof_rewrite_scheduled:1" in facts


async def _persistence(server: Server) -> list[str]:
    return text(await server.command("INFO", "persistence")).split("\r\n")


def _check_forbidden(fault: NothingHappened) -> None:
    """Let a fault pass that says nothing of the server, but only that it could not be asked."""
    if not str(fault).startswith("NOPERM"):
        raise fault


async def prove(server: Server) -> Proof:
    """What the server's configuration can keep, and how much room it has."""
    facts = await _configuration(server)
    replicas = int(facts.get("min-replicas-to-write", 0))
    return Proof(
        durability=_durability(facts, replicas),
        replicas=replicas,
        backlog_limit=await _backlog_limit(server),
    )


async def _configuration(server: Server) -> dict[str, str]:
    """Empty where it is hidden: then nothing above `memory` is proven."""
    try:
        return mapping(await server.command("CONFIG", "GET", "*"))
    except ScriptFault:
        return {}
    except NothingHappened as fault:
        _check_forbidden(fault)
        return {}


def _durability(facts: Mapping[str, str], replicas: int) -> str:
    kept = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
    if any(facts.get(name) != value for name, value in kept.items()):
        return "memory"
    return "replicated" if replicas > 0 else "fsync"


async def _backlog_limit(server: Server) -> int:
    """How many changes fit into half of the memory that is free, within bounds."""
    facts = dict(
        line.split(":", 1)
        for line in text(await server.command("INFO", "memory")).split("\r\n")
        if ":" in line
    )
    limit = int(facts.get("maxmemory", 0))
    if limit == 0:
        return MAX_BACKLOG
    room = max(limit - int(facts["used_memory"]), 0) // 2
    return max(min(room // BYTES_PER_ADMISSION, MAX_BACKLOG), MIN_BACKLOG)
