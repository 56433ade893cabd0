"""Looks now and then at what waits in the ledger: alarms, parked records, the outbox."""

import asyncio
import logging
from math import nan
from typing import Final

from reconciler.metrics import Metrics
from sql.alarms import AlarmKind
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
            try:
                self._show(await read_backlog(self._database))
            except LedgerFault as fault:
                log.debug("no look at what waits: %s", fault)  # the keepers complain of it louder
                self._show_nothing()
            # A defect met here must not stop the keepers.
            except Exception:
                log.exception("what waits: unforeseen")
                self._show_nothing()
            await asyncio.sleep(LOOK_SECONDS)

    def _show(self, backlog: Backlog) -> None:
        self._metrics.alarms.clear()
        for kind, count in backlog.alarms.items():
            self._metrics.alarms.labels(kind).set(count)
        self._metrics.parked.set(backlog.parked)
        self._metrics.outbox.set(backlog.outbox)

    def _show_nothing(self) -> None:
        """What is unknown is NaN, and no rule is told that all is well."""
        for gauge in (self._metrics.parked, self._metrics.outbox):
            gauge.set(nan)
        for kind in AlarmKind:
            self._metrics.alarms.labels(kind).set(nan)
