"""What goes on, in one document: sales and their units, health, what waits, and what is counted."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field

from gateway.admin.alarms import AlarmBody, alarm_document
from gateway.admin.audits import AuditBody, audit_document
from gateway.admin.availability import Availability, AvailabilityBody, proven_record
from gateway.admin.parked import ParkedBody, parked_document
from gateway.representation import moment, now_ms, timestamp
from gateway.tally import Tally
from lua.server import Server
from sql import sales
from sql.alarms import list_alarms
from sql.audit_log import KeptAudit, last_audits
from sql.availability import NONE, Units, read_all_units
from sql.database import Database
from sql.faults import LedgerFault
from sql.parking import list_parked
from sql.reconcilers import Reconciler, list_reconcilers
from sql.sales import Sale

# The newest ones: a page for people, and what each costs is read once a second.
MOST_SALES: Final = 20
# What is more is counted nowhere: whoever has so many has read the first ones.
MOST_DUTIES: Final = 20
# A reconciler beats every second.
SILENT_SECONDS: Final = 5.0


class SaleOverview(AvailabilityBody):
    """A sale: where its units are, its window, and what its last audit found."""

    name: str
    opens_at: AwareDatetime
    closes_at: AwareDatetime | None
    audit: AuditBody | None


class ReconcilerBody(BaseModel):
    """A reconciler, and how many sales it leads."""

    id: str
    lives: bool
    silent_seconds: float
    leads: int


class Health(BaseModel):
    """What each server says: `answers` or `silent`."""

    redis: Annotated[str, Field(examples=["answers", "silent"])]
    ledger: str


class DurationsBody(BaseModel):
    """How many took up to each bound, in seconds; the last of the counts is those above all."""

    bounds: list[float]
    counts: list[int]


class CountsBody(BaseModel):
    """What all workers have counted: checkouts by outcome since they began, and open streams."""

    checkouts: dict[str, int]
    seconds: DurationsBody
    streams: int


class Overview(BaseModel):
    """All that the console shows. While the ledger is silent, what it said last."""

    server_time: AwareDatetime
    health: Health
    reconcilers: list[ReconcilerBody]
    sales: list[SaleOverview]
    alarms: list[AlarmBody]
    parked: list[ParkedBody]
    counts: CountsBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where it all is read."""

    database: Database
    redis: Server
    ask: Callable[[], Awaitable[dict[str, bool]]]
    tally: Callable[[], Tally]


class Overseer:
    """Reads the overview; what the ledger has said stays, for when it is away."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._ledger: dict[str, object] = {
            "reconcilers": [],
            "sales": [],
            "alarms": [],
            "parked": [],
        }

    async def read(self) -> dict[str, object]:
        """The overview, as the interface tells it."""
        answers = await self._sources.ask()
        if answers["ledger"]:
            try:
                self._ledger = await self._read_ledger()
            except LedgerFault:
                answers = answers | {"ledger": False}
        return {
            "server_time": timestamp(now_ms()),
            "health": {name: "answers" if ok else "silent" for name, ok in answers.items()},
            **self._ledger,
            "counts": asdict(self._sources.tally()),
        }

    async def _read_ledger(self) -> dict[str, object]:
        database = self._sources.database
        found = await sales.page_of_all(database, after=None, state=None, count=MOST_SALES)
        audits = {each.sale_id: each for each in await last_audits(database)}
        units = await read_all_units(database, [each.id for each in found])
        alarms = await list_alarms(database, limit=MOST_DUTIES)
        parked = await list_parked(database, limit=MOST_DUTIES)
        return {
            "reconcilers": [_reconciler(each) for each in await list_reconcilers(database)],
            "sales": [
                await self._sale(each, units.get(each.id, NONE), audits.get(each.id))
                for each in found
            ],
            "alarms": [alarm_document(each) for each in alarms],
            "parked": [parked_document(each) for each in parked],
        }

    async def _sale(self, sale: Sale, units: Units, audit: KeptAudit | None) -> dict[str, object]:
        record = await proven_record(self._sources.redis, sale.id)
        return {
            **Availability(sale=sale, units=units, record=record).document(),
            "name": sale.name,
            "opens_at": moment(sale.opens_at),
            "closes_at": moment(sale.closes_at),
            "audit": audit_document(audit) if audit else None,
        }


def _reconciler(each: Reconciler) -> dict[str, object]:
    return {"lives": each.silent_seconds < SILENT_SECONDS, **asdict(each)}
