"""What goes on, in one document: sales and their units, health, what waits, and what is counted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field

from gateway.admin.alarms import AlarmBody, alarm_document
from gateway.admin.audits import AuditBody, audit_document
from gateway.admin.availability import Availability, AvailabilityBody, proven_record
from gateway.admin.parked import ParkedBody, parked_document
from gateway.representation import moment, now_ms, timestamp
from gateway.tally import Tally
from lua.record import Record
from lua.server import Server
from sql import sales
from sql.alarms import Alarm, list_alarms
from sql.audit_log import KeptAudit, last_audits
from sql.availability import NO_UNITS, Units, read_all_units
from sql.database import Database
from sql.faults import LedgerFault
from sql.parking import Parked, list_parked
from sql.reconcilers import Reconciler, list_reconcilers
from sql.sales import Sale, SaleState

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """What the ledger said last."""

    reconcilers: Sequence[Reconciler] = ()
    sales: Sequence[Sale] = ()
    units: Mapping[str, Units] = field(default_factory=dict)
    audits: Mapping[str, KeptAudit] = field(default_factory=dict)
    alarms: Sequence[Alarm] = ()
    parked: Sequence[Parked] = ()


class Overseer:
    """Reads the overview; what the ledger has said stays, for when it is away."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._ledger = LedgerView()

    async def read(self) -> dict[str, object]:
        """The overview, as the interface tells it."""
        answers = await self._sources.ask()
        if answers["ledger"]:
            try:
                self._ledger = await self._read_ledger()
            except LedgerFault:
                answers = answers | {"ledger": False}
        # After the ledger, so that Redis is never shown behind it.
        records = await self._read_redis() if answers["redis"] else {}
        view = self._ledger
        return {
            "server_time": timestamp(now_ms()),
            "health": {name: "answers" if ok else "silent" for name, ok in answers.items()},
            "reconcilers": [_reconciler(each) for each in view.reconcilers],
            "sales": [_sale(each, view, records.get(each.id)) for each in view.sales],
            "alarms": [alarm_document(each) for each in view.alarms],
            "parked": [parked_document(each) for each in view.parked],
            "counts": asdict(self._sources.tally()),
        }

    async def _read_ledger(self) -> LedgerView:
        database = self._sources.database
        found = await sales.page_of_all(database, after=None, state=None, count=MOST_SALES)
        return LedgerView(
            reconcilers=await list_reconcilers(database),
            sales=found,
            units=await read_all_units(database, [each.id for each in found]),
            audits={each.sale_id: each for each in await last_audits(database)},
            alarms=await list_alarms(database, limit=MOST_DUTIES),
            parked=await list_parked(database, limit=MOST_DUTIES),
        )

    async def _read_redis(self) -> dict[str, Record]:
        """The records that are proven, of sales that were opened."""
        opened = [each.id for each in self._ledger.sales if each.state != SaleState.DRAFT]
        found = await asyncio.gather(
            *(proven_record(self._sources.redis, sale_id) for sale_id in opened)
        )
        return {sale_id: record for sale_id, record in zip(opened, found, strict=True) if record}


def _sale(sale: Sale, view: LedgerView, record: Record | None) -> dict[str, object]:
    units, audit = view.units.get(sale.id, NO_UNITS), view.audits.get(sale.id)
    return {
        **Availability(sale=sale, units=units, record=record).document(),
        "name": sale.name,
        "opens_at": moment(sale.opens_at),
        "closes_at": moment(sale.closes_at),
        "audit": audit_document(audit) if audit else None,
    }


def _reconciler(each: Reconciler) -> dict[str, object]:
    return {"lives": each.silent_seconds < SILENT_SECONDS, **asdict(each)}
