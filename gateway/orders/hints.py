"""Hints what this gateway has settled, without keeping whoever settled it waiting."""

import asyncio

from lua.hints import hint
from lua.server import Server


class Hints:
    """One a process. `run` it in a task."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sales: set[str] = set()
        self._any = asyncio.Event()

    async def run(self) -> None:
        """Send what there is to tell, until cancelled: one message for all that came meanwhile."""
        while True:
            await self._any.wait()
            self._any.clear()
            sales, self._sales = self._sales, set()
            for sale_id in sales:
                await hint(self._server, sale_id)

    def tell(self, sale_id: str) -> None:
        """The ledger has news of an order of this sale. Call it after the commit."""
        self._sales.add(sale_id)
        self._any.set()
