"""Which commands the protocol calls, and whether a user may call them, without calling them.

Between MULTI and DISCARD a server checks the rights for each command and queues it: nothing runs.
https://redis.io/docs/latest/develop/using-commands/transactions/
"""

from contextlib import suppress
from typing import Final

from redis.exceptions import NoPermissionError

from lua.faults import NothingHappened, RedisFault, ScriptFault
from lua.server import Server

# No sale's key is called so: theirs have the sale's id in braces.
KEY: Final = "doorbuster:doctor"
DIGEST: Final = "0" * 40

# What gateways and reconcilers call, by themselves or in scripts.
PROTOCOL: Final = (
    ("PING",),
    ("INFO", "replication"),
    ("INFO", "memory"),
    ("TIME",),
    ("EVALSHA", DIGEST, "1", KEY),
    ("EVAL", "return 1", "1", KEY),
    ("GET", KEY),
    ("SET", KEY, "value", "EX", "1"),
    ("PEXPIRETIME", KEY),
    ("HEXISTS", KEY, "field"),
    ("HGET", KEY, "field"),
    ("HMGET", KEY, "field"),
    ("HGETALL", KEY),
    ("HLEN", KEY),
    ("HSCAN", KEY, "0"),
    ("HSET", KEY, "field", "value"),
    ("EXISTS", KEY),
    ("DEL", KEY),
    ("UNLINK", KEY),
    ("RENAME", KEY, KEY),
    ("XADD", KEY, "1-0", "field", "value"),
    ("XRANGE", KEY, "-", "+"),
    ("XREVRANGE", KEY, "+", "-"),
    ("XTRIM", KEY, "MINID", "0"),
    ("PUBLISH", KEY, "message"),
    ("SUBSCRIBE", KEY),
    ("UNSUBSCRIBE", KEY),
)
WAIT: Final = ("WAIT", "0", "1")
CONFIG_GET: Final = ("CONFIG", "GET", "appendfsync")
REWRITE: Final = ("BGREWRITEAOF",)


def grant_name(words: tuple[str, ...]) -> str:
    """What an ACL calls the command."""
    return "config|get" if words == CONFIG_GET else words[0].lower()


async def forbidden_commands(url: str) -> tuple[str, ...] | None:
    """Name what the user may not call; None where even the question is forbidden.

    Raises RedisFault where the server went away.
    """
    # A connection of its own: a transaction belongs to one, and ends with it.
    async with Server(url, connections=1) as server:
        try:
            await server.command("MULTI")
        except (NothingHappened, ScriptFault):
            return None
        asked = (*PROTOCOL, WAIT, CONFIG_GET, REWRITE)
        forbidden = [grant_name(words) for words in asked if not await _is_permitted(server, words)]
        with suppress(NothingHappened, ScriptFault):
            await server.command("DISCARD")
        return tuple(forbidden)


async def _is_permitted(server: Server, words: tuple[str, ...]) -> bool:
    try:
        await server.command(*words)
    except ScriptFault:
        return False  # the service has taken the command away, or renamed it
    except RedisFault as fault:
        # Other refusals, such as OOM, come after the rights were checked.
        return not isinstance(fault.__cause__, NoPermissionError)
    return True
