"""A sale that has ended is kept at leisure: a shop has few that live, and more of these each day.

It must still be kept. Redis may lose it, an operator may mend or rebuild it, and so all parts of
the work go on; but nobody waits for any of them.
"""

import asyncio
from typing import Final

from sql.database import Database
from sql.sale_end import has_ended

LOOK_SECONDS: Final = 5.0
# Shorter than a pause of the sweeper that would count as an outage, and than an operator waits for
# what was asked for.
ENDED_SECONDS: Final = 2.0


class Leisure:
    """Knows whether one sale has ended; until it has looked, the sale lives."""

    def __init__(self, database: Database, sale_id: str) -> None:
        self._database = database
        self._sale_id = sale_id
        self._has_ended = False

    def pause(self, seconds: float) -> float:
        """How long to wait, where a sale that lives is waited for so long."""
        return max(seconds, ENDED_SECONDS) if self._has_ended else seconds

    async def run(self) -> None:
        """Look now and then, for ever. Raises `sql.faults.LedgerFault`."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._has_ended = await has_ended(self._database, self._sale_id)
