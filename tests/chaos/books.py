"""What both stores hold once nothing moves any more."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from acceptance.kept_shop import until_true

from doorbuster.audit_report import audit_sales
from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from gateway.admission.reservation_id import replacement_of
from lua.faults import RedisFault
from lua.lines import decode
from lua.record import Record
from lua.store import SaleStore
from sql import sales
from sql.faults import LedgerFault
from sql.ledger import read_checkpoint

REST_SECONDS = 60.0
LOST = re.compile(r"epoch (\d+) (?:was|ended).*?up to (\d+) acknowledged changes were lost")
PENDING = "select count(*) from outbox where sale_id = $1 and not done"
HELD = "select count(*) from reservation where sale_id = $1 and state = 'held'"
KEPT = "select id from reservation where id = any($1::uuid[])"
ALARMS = "select kind, what from alarm where sale_id = $1"
RECOVERIES = "select epoch, outcome, ended_epoch, version from recovery where sale_id = $1"
ROWS = """
select id, context->>'subject' as customer, state, lines, epoch, version, payment_reference,
       refused_payment_reference
from reservation where sale_id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A reservation in the ledger; one that a late payment has bought `replaces` another."""

    id: str
    customer: str
    state: str
    lines: Mapping[str, int]
    epoch: int
    version: int
    reference: str | None = None
    replaces: str | None = None

    @property
    def active(self) -> bool:
        return self.state in {"held", "paid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item in the ledger, and what Redis has available of it."""

    granted: int
    taken: int
    limit: int
    available: int
    raised: int
    lowered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What an operator is told."""

    kind: str
    what: str

    @property
    def lost(self) -> tuple[int, int] | None:
        """The epoch of which it calls changes lost, and how many at the most."""
        said = LOST.search(self.what)
        return (int(said[1]), int(said[2])) if said else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How an epoch began: `ended_epoch` is the one before it, which ended at this version."""

    epoch: int
    outcome: str
    ended_epoch: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Everything that the checks compare the history with."""

    rows: Sequence[Row]
    items: Mapping[str, Item]
    alarms: Sequence[Alarm]
    recoveries: Sequence[Recovery]
    disagreements: Sequence[str]
    epoch: int
    version: int

    @property
    def reported_lost(self) -> int:
        """How many changes the alarms call lost; of an epoch, the highest that was ever said."""
        return _reported_lost(self.alarms)


async def read_books(servers: Servers, sale_id: str) -> Books:
    """Wait until nothing moves, and read both stores. What never rests is a disagreement."""
    disagreements = []
    try:
        await until_true(lambda: _rests(servers, sale_id), seconds=REST_SECONDS)
    except AssertionError:
        disagreements.append(f"the stores do not come to rest within {REST_SECONDS:g} s")
    disagreements += await _audited(servers, sale_id)
    checkpoint = await read_checkpoint(servers.database, sale_id)
    return Books(
        rows=await _rows(servers, sale_id),
        items=await _items(servers, sale_id),
        alarms=await _alarms(servers, sale_id),
        recoveries=await _recoveries(servers, sale_id),
        disagreements=disagreements,
        epoch=checkpoint.epoch,
        version=checkpoint.version,
    )


async def is_accounted_for(servers: Servers, sale_id: str, told: Collection[str]) -> bool:
    """Whether each of these reservations is in the ledger, or alarms count as many as lost."""
    try:
        kept = await servers.database.rows(KEPT, list(told))
        alarms = await _alarms(servers, sale_id)
    except LedgerFault:
        return False
    return len(told) - len(kept) <= _reported_lost(alarms)


async def _rests(servers: Servers, sale_id: str) -> bool:
    """Every hold has lapsed, and each store has told the other all that it has to tell."""
    try:
        # In the order in which one leads to the next: a hold that lapses asks for its units, and
        # units that go back move both versions.
        waiting = [await _count(servers, each, sale_id) for each in (HELD, PENDING)]
        record = await SaleStore(servers.redis, sale_id).read()
        checkpoint = await read_checkpoint(servers.database, sale_id)
    except (RedisFault, LedgerFault):
        return False
    if record is None or not record.proven or any(waiting):
        return False
    return (record.epoch, record.version) == (checkpoint.epoch, checkpoint.version)


async def _count(servers: Servers, statement: str, sale_id: str) -> int:
    row = await servers.database.row(statement, sale_id)
    assert row is not None
    return int(row[0])


async def _audited(servers: Servers, sale_id: str) -> list[str]:
    try:
        (audit,) = await audit_sales(servers, sale_id)
    except NotDone as fault:
        return [str(fault)]
    return [f"{each.invariant} {fault}" for each in audit.findings for fault in each.drifts]


async def _rows(servers: Servers, sale_id: str) -> list[Row]:
    rows = await servers.database.rows(ROWS, sale_id)
    replaces = {replacement_of(row["id"], sale_id): str(row["id"]) for row in rows}
    return [
        Row(
            id=str(row["id"]),
            customer=row["customer"],
            state=row["state"],
            lines={line.sku: line.quantity for line in decode(row["lines"])},
            epoch=row["epoch"],
            version=row["version"],
            reference=row["payment_reference"],
            replaces=replaces.get(row["id"]),
        )
        for row in rows
    ]


async def _items(servers: Servers, sale_id: str) -> dict[str, Item]:
    record: Record | None = await SaleStore(servers.redis, sale_id).read()
    assert record is not None
    limits = {
        row["sku"]: row["limit_per_customer"]
        for row in await servers.database.rows("select * from item where sale_id = $1", sale_id)
    }
    return {
        item.sku: Item(
            granted=item.granted,
            taken=item.taken,
            limit=limits[item.sku],
            available=record.items[item.sku].available,
            raised=item.raised,
            lowered=item.lowered,
        )
        for item in await sales.read_items(servers.database, sale_id)
    }


async def _recoveries(servers: Servers, sale_id: str) -> list[Recovery]:
    return [Recovery(**row) for row in await servers.database.rows(RECOVERIES, sale_id)]


async def _alarms(servers: Servers, sale_id: str) -> list[Alarm]:
    return [Alarm(**row) for row in await servers.database.rows(ALARMS, sale_id)]


def _reported_lost(alarms: Iterable[Alarm]) -> int:
    by_epoch: dict[int, int] = {}
    for alarm in alarms:
        if alarm.lost:
            epoch, lost = alarm.lost
            by_epoch[epoch] = max(lost, by_epoch.get(epoch, 0))
    return sum(by_epoch.values())
