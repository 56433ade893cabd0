"""Tells whoever watches orders that the ledger has news of some of a sale's: look there.

Sent after the commit, by whoever has committed, once for a batch. Nothing depends on its arrival.
"""

from contextlib import suppress

from lua import keys
from lua.faults import RedisFault
from lua.server import Server


async def hint(server: Server, sale_id: str) -> None:
    """Tell them, if Redis is there: they look now and then in any case."""
    with suppress(RedisFault):
        await server.command("PUBLISH", keys.orders(sale_id), "news")
