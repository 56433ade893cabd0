"""Looks now and then at what waits in the ledger: alarms, parked records, the outbox."""

import asyncio
import logging
from math import nan
from typing import Final

from reconciler.metrics import Metrics
from sql.backlog import Backlog, read_backlog
from sql.database import Database
from sql.faults import LedgerFault

log = logging.getLogger(__name__)

# Prometheus scrapes every 15 to 60 seconds, and the console asks the ledger itself.
LOOK_SECONDS: Final = 5.0


class LedgerWatch:
    """Keeps the gauges of what waits. Each reconciler shows the same numbers."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self._show(await self._look())
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> Backlog | None:
        try:
            return await read_backlog(self._database)
        except LedgerFault as fault:
            log.debug("no look at what waits: %s", fault)  # the keepers complain of it louder
        # A defect met here must not stop the keepers.
        except Exception:
            log.exception("what waits: unforeseen")
        return None

    def _show(self, backlog: Backlog | None) -> None:
        """What is unknown is shown as NaN, and no rule is told that all is well."""
        self._metrics.alarms.set(nan if backlog is None else backlog.alarms)
        self._metrics.parked.set(nan if backlog is None else backlog.parked)
        self._metrics.outbox.set(nan if backlog is None else backlog.outbox)
