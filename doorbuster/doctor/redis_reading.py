"""Reads the facts from a real Redis or Valkey."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from statistics import median
from typing import Final

from redis.exceptions import NoPermissionError, ResponseError

from doorbuster.doctor.clocks import Reading, read_against_host
from doorbuster.doctor.redis_commands import CONFIG_GET, KEY, forbidden_commands
from doorbuster.doctor.redis_facts import (
    Configuration,
    Info,
    RedisFacts,
    Trial,
    parse_cluster_size,
    parse_configuration,
    parse_info,
)
from lua.faults import NothingHappened, RedisFault, ScriptFault
from lua.replies import array, integer, mapping, text
from lua.server import Server

PINGS: Final = 20
# Each waits for the disk, and a disk that a container shares may take 50 ms.
WRITES: Final = 10
MILLISECONDS: Final = 1000


class InfoForbidden(Exception):
    """The user may not call INFO: nothing can be told, and no script would run."""


async def read_redis(server: Server) -> RedisFacts:
    """Read all. Raises InfoForbidden, RedisFault."""
    info = await _info(server)
    return RedisFacts(
        user=await _user(server),
        info=info,
        cluster_size=await _cluster_size(server) if info.cluster else 0,
        configuration=await _configuration(server),
        forbidden=await forbidden_commands(server.url),
        ping_ms=await _ping(server),
        writes=await _writes(server),
        clock=await _clock(server),
    )


async def _info(server: Server) -> Info:
    try:
        return parse_info(text(await server.command("INFO")))
    except NothingHappened as fault:
        if isinstance(fault.__cause__, NoPermissionError):
            raise InfoForbidden(str(fault)) from fault
        raise


async def _user(server: Server) -> str:
    with suppress(NothingHappened, ScriptFault):
        return text(await server.command("ACL", "WHOAMI"))
    return "<user>"


async def _cluster_size(server: Server) -> int | None:
    with suppress(NothingHappened, ScriptFault):
        return parse_cluster_size(text(await server.command("CLUSTER", "INFO")))
    return None


async def _configuration(server: Server) -> Configuration | None:
    with suppress(NothingHappened, ScriptFault):
        return parse_configuration(mapping(await server.command(*CONFIG_GET[:2], "*")))
    return None


async def _ping(server: Server) -> float:
    async def ping() -> None:
        try:
            await server.command("PING")
        except RedisFault as fault:
            # A server that cannot write says so to a PING as well, and just as fast.
            if not isinstance(fault.__cause__, ResponseError):
                raise

    return await _median_ms(ping, PINGS)


async def _writes(server: Server) -> Trial:
    async def write() -> None:
        await server.command("HSET", KEY, "tried_at_ms", round(time.time() * MILLISECONDS))

    try:
        milliseconds = await _median_ms(write, WRITES)
        await server.command("UNLINK", KEY)
    except (NothingHappened, ScriptFault) as fault:
        return Trial(milliseconds=0, refusal=str(fault))
    return Trial(milliseconds=milliseconds)


async def _median_ms(act: Callable[[], Awaitable[None]], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await act()
        took.append((time.perf_counter() - began) * MILLISECONDS)
    return median(took)


async def _clock(server: Server) -> Reading | None:
    async def read() -> float:
        seconds, microseconds = array(await server.command("TIME"))
        return integer(seconds) * MILLISECONDS + integer(microseconds) / MILLISECONDS

    with suppress(NothingHappened, ScriptFault):
        return await read_against_host(read)
    return None
