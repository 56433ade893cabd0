"""What the reconciler, and nobody else, asks a Redis server about itself."""

import asyncio
from typing import Final

from lua.faults import NothingHappened, RedisFault, ScriptFault
from lua.replies import mapping, text
from lua.server import Server

REWRITE_PAUSE_SECONDS: Final = 0.005
REWRITE_SECONDS: Final = 60.0


async def rewrite_log(server: Server) -> bool:
    """Rewrite the append-only file and wait for it; False where the server does not let us.

    Redis 7.0 drops a transaction that was torn at the end of the file, and brings it back at the
    second restart. A rewritten file has nothing torn in it.
    """
    try:
        if not await _has_log(server):
            return True
        await _start_rewrite(server)
    except (NothingHappened, ScriptFault):
        return False
    async with asyncio.timeout(REWRITE_SECONDS):
        while await _is_rewriting(server):
            await asyncio.sleep(REWRITE_PAUSE_SECONDS)
    return True


async def _start_rewrite(server: Server) -> None:
    try:
        await server.command("BGREWRITEAOF")
    except ScriptFault:
        # Another sale's recovery began one a moment ago; it contains what it must.
        if not await _is_rewriting(server):
            raise


async def _has_log(server: Server) -> bool:
    return "aof_enabled:1" in await _persistence(server)


async def _is_rewriting(server: Server) -> bool:
    facts = await _persistence(server)
    return "aof_rewrite_in_progress:1" in facts or "aof_rewrite_scheduled:1" in facts


async def _persistence(server: Server) -> list[str]:
    return text(await server.command("INFO", "persistence")).split("\r\n")


async def proven_durability(server: Server) -> str:
    """The level that the server's configuration proves: fsync or memory."""
    try:
        facts = mapping(await server.command("CONFIG", "GET", "append*"))
    except RedisFault:
        return "memory"
    proven = facts.get("appendonly") == "yes" and facts.get("appendfsync") == "always"
    return "fsync" if proven else "memory"
