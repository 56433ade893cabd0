"""The secret that all gateways sign tickets with: Redis has it, so nobody has to hand it out."""

import secrets
from typing import Final

from lua import keys
from lua.replies import text
from lua.server import Server

# As much as the digest that it goes into (RFC 2104, section 3).
KEY_BYTES: Final = 32


async def ticket_key(server: Server) -> bytes:
    """The key, made by the first who asks for it. Raises a `lua.faults.RedisFault`.

    Whoever deletes it makes all tickets invalid, and the next one is signed with another.
    """
    kept = await server.command("GET", keys.TICKET_KEY)
    if kept is not None:
        return text(kept).encode()
    mine = secrets.token_hex(KEY_BYTES)
    first = await server.command("SET", keys.TICKET_KEY, mine, "NX", "GET")
    return (mine if first is None else text(first)).encode()
