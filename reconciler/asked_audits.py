"""Audits what an operator wants audited now, whoever leads the sale: an audit needs no lease."""

import asyncio
import logging
from typing import Final

from lua.server import Server
from lua.store import SaleStore
from reconciler.metrics import Metrics
from reconciler.self_audit import Rhythm, SelfAudit
from sql.audit_log import take_request
from sql.database import Database
from sql.faults import LedgerFault

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5


class AskedAudits:
    """One at a time; whoever asked can ask again if this process dies over it."""

    def __init__(
        self, database: Database, server: Server, metrics: Metrics, rhythm: Rhythm
    ) -> None:
        self._database = database
        self._server = server
        self._metrics = metrics
        self._rhythm = rhythm

    async def run(self) -> None:
        """Look for requests, until cancelled."""
        while True:
            try:
                await self._audit_asked()
            except LedgerFault as fault:
                log.debug("no audit on request: %s", fault)  # the keepers complain of it
            except Exception:
                # A defect of an audit must not take the keepers with it.
                log.exception("an audit on request")
            await asyncio.sleep(LOOK_SECONDS)

    async def _audit_asked(self) -> None:
        while (sale_id := await take_request(self._database)) is not None:
            store = SaleStore(self._server, sale_id)
            await SelfAudit(self._database, store, self._metrics, self._rhythm).once()
