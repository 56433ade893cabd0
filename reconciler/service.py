"""The reconciler as a service: it leads its share of the sales, and keeps each of them."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from lua.server import Server
from reconciler.asked_audits import AskedAudits
from reconciler.follower import OnCommit
from reconciler.keeper import Keeper
from reconciler.ledger_watch import LedgerWatch
from reconciler.metrics import Metrics
from reconciler.page import serving
from reconciler.self_audit import Rhythm
from sql.database import Database
from sql.faults import LedgerFault
from sql.leases import leave, renew
from sql.sales import read

log = logging.getLogger(__name__)

# A sale whose reconciler died is led by another one after so long; a lease is renewed three
# times as often, so that one slow answer does not lose it.
LEASE_SECONDS: Final = 3.0
RENEW_SECONDS: Final = 1.0
# The first sale of a day should not wait for a renewal that is a second away.
CLAIM_SECONDS: Final = 0.25
# Follower, relay and sweeper of several sales share the pool; each holds a connection briefly.
DATABASE_CONNECTIONS: Final = 10
REDIS_CONNECTIONS: Final = 8
LEAVE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerConfig:
    """What a reconciler needs to know; `listening` is where it shows its metrics, if anywhere.

    `audit_seconds` is the pause between two audits of a sale; with 0 there are none. `on_commit` is
    told of each batch that was committed.
    """

    redis_url: str
    database_url: str
    audit_seconds: float
    listening: socket.socket | None = None
    on_commit: OnCommit | None = None


class Service:
    """Leads sales until `stop` is set.

    `leases` is a way to the ledger that the keepers do not share: however busy they are, with a
    rebuild of many sales at once, none may lose its lease to it.
    """

    def __init__(
        self,
        database: Database,
        server: Server,
        metrics: Metrics,
        rhythm: Rhythm,
        *,
        leases: Database,
        on_commit: OnCommit | None = None,
    ) -> None:
        self._database = database
        self._on_commit = on_commit
        self._metrics = metrics
        self._rhythm = rhythm
        self._server = server
        self._leases = leases
        self._id: UUID = uuid4()
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._asked_audits = AskedAudits(database, server, metrics, rhythm)
        self._complaint = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Keep sales; at the end their leases are free at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                auditing = tasks.create_task(self._asked_audits.run())
                await self._lead(tasks, stop)
                self._stop_keeping(set(self._keepers))
                auditing.cancel()
        finally:
            await self._leave()

    async def _lead(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._renew(tasks)
                self._complaint = ""
            except LedgerFault as fault:
                # Keepers go on: they meet the same fault, and safety never rests on the lease.
                self._complain(f"no lease: {fault}")
            await _wait(stop, RENEW_SECONDS if self._keepers else CLAIM_SECONDS)

    async def _renew(self, tasks: asyncio.TaskGroup) -> None:
        led = await renew(self._leases, self._id, seconds=LEASE_SECONDS)
        self._stop_keeping(set(self._keepers) - led)
        for sale_id in led - set(self._keepers):
            sale = await read(self._leases, sale_id)
            keeper = Keeper(
                self._database,
                self._server,
                sale,
                self._metrics,
                self._rhythm,
                on_commit=self._on_commit,
            )
            self._keepers[sale_id] = tasks.create_task(keeper.run())
            log.info("keeping sale %s", sale_id)
        self._metrics.sales_kept.set(len(self._keepers))

    def _complain(self, complaint: str) -> None:
        """Say it once, not at every attempt."""
        if complaint != self._complaint:
            log.warning(complaint)
            self._complaint = complaint

    def _stop_keeping(self, sales: set[str]) -> None:
        for sale_id in sales:
            self._keepers.pop(sale_id).cancel()
            log.info("not keeping sale %s any more", sale_id)

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await leave(self._leases, self._id)
        except (LedgerFault, TimeoutError) as fault:
            log.warning("could not free the leases, they run out by themselves: %s", fault)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


async def run(config: ReconcilerConfig, stop: asyncio.Event) -> None:
    """Run a reconciler until `stop` is set."""
    metrics, rhythm = Metrics(), Rhythm(config.audit_seconds)
    async with (
        Server(config.redis_url, connections=REDIS_CONNECTIONS) as server,
        Database(config.database_url, connections=DATABASE_CONNECTIONS) as database,
        Database(config.database_url, connections=1) as leases,
        _shown(metrics, database, config.listening),
    ):
        await Service(
            database, server, metrics, rhythm, leases=leases, on_commit=config.on_commit
        ).run(stop)


@asynccontextmanager
async def _shown(
    metrics: Metrics, database: Database, listening: socket.socket | None
) -> AsyncIterator[None]:
    """Show the metrics on the socket for the length of the block, where there is one."""
    if listening is None:
        yield
        return
    log.info("metrics at http://%s:%d/metrics", *listening.getsockname()[:2])
    async with serving(metrics, listening), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(LedgerWatch(database, metrics).run())
        try:
            yield
        finally:
            watching.cancel()
