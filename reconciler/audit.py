"""Recomputes the invariants of a sale from what both stores hold, and names what disagrees.

The record is read at a version, the ledger once it has passed that version; whatever happened in
between is in the stream. So the answer is exact while the sale goes on.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from lua.entry import Kind
from lua.lines import decode
from lua.store import SaleStore
from reconciler.history import holdings
from reconciler.redis_cut import Moved, RedisCut, redis_cut, returned_ids
from sql.audit import AuditedReservation, LedgerCut, ledger_cut
from sql.database import Database
from sql.ledger import read_checkpoint

WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05
ATTEMPTS: Final = 5
ACTIVE: Final = frozenset({"held", "paid"})


class CannotAudit(Exception):
    """There is no cut to be had: the stock is not proven, or the ledger does not catch up."""


@dataclass(slots=True, kw_only=True)
class Finding:
    """One invariant: what it says, how many things were compared, and each that disagrees."""

    invariant: str
    statement: str
    compared: int = 0
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: bool, fault: str) -> None:  # noqa: FBT001 (a condition, like assert's)
        """Compare one thing."""
        self.compared += 1
        if not holds:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found of a sale, at a version of an epoch."""

    sale_id: str
    epoch: int
    version: int
    ledger_version: int
    findings: list[Finding]

    @property
    def clean(self) -> bool:
        """Whether every invariant holds."""
        return not any(finding.faults for finding in self.findings)


async def audit(database: Database, store: SaleStore) -> Audit:
    """Audit a sale. Raises CannotAudit, and the faults of both stores."""
    for _ in range(ATTEMPTS):
        read_up_to = (await read_checkpoint(database, store.sale_id)).version
        try:
            redis = await redis_cut(store)
        except Moved:
            await asyncio.sleep(LOOK_SECONDS)
            continue
        await _wait_for_ledger(database, redis, store.sale_id)
        async with ledger_cut(database, store.sale_id) as ledger:
            if ledger.checkpoint.epoch == redis.record.epoch:
                between = await _caught_up(store, redis, ledger)
                return await _compare(redis, ledger, between, read_up_to)
    raise CannotAudit(f"{store.sale_id}: the stock is not proven, or is recovered again and again")


async def _wait_for_ledger(database: Database, redis: RedisCut, sale_id: str) -> None:
    record = redis.record
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while (await read_checkpoint(database, sale_id)).version < record.version:
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise CannotAudit(
            f"{sale_id}: the ledger has not reached version {record.version} within "
            f"{WAIT_SECONDS:g} s: is a reconciler running?"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """What the stream says of the time between the two cuts."""

    available: dict[str, int]
    returned: set[str]


async def _caught_up(store: SaleStore, redis: RedisCut, ledger: LedgerCut) -> CaughtUp:
    available = {sku: item.available for sku, item in redis.record.items.items()}
    returned: set[str] = set()
    version = redis.record.version
    while version < ledger.checkpoint.version:
        for entry in await store.surviving(redis.record.epoch, after=version, count=1):
            available |= entry.stock
            version = entry.last
            if entry.kind is Kind.RETURNS:
                returned.update(returned_ids(entry))
    return CaughtUp(available=available, returned=returned)


async def _compare(redis: RedisCut, ledger: LedgerCut, between: CaughtUp, read_up_to: int) -> Audit:
    rows = {row.id: row async for row in ledger.reservations()}
    return Audit(
        sale_id=ledger.sale_id,
        epoch=redis.record.epoch,
        version=redis.record.version,
        ledger_version=ledger.checkpoint.version,
        findings=[
            _never_oversold(ledger, rows.values()),
            _conserved(redis),
            _exactly_once(redis, rows),
            _within_limits(redis, ledger, rows.values()),
            _holdings_add_up(redis),
            _mirrored(ledger, between),
            _same_states(redis, ledger, rows, between),
            _safely_trimmed(redis, read_up_to),
        ],
    )


def _never_oversold(ledger: LedgerCut, rows: Iterable[AuditedReservation]) -> Finding:
    finding = Finding(
        invariant="I1",
        statement="ledger: units of held and paid rows = taken, 0 <= taken <= granted",
    )
    taken: Counter[str] = Counter()
    for row in rows:
        if row.state in ACTIVE:
            taken.update(_units(row.lines))
    for sku, item in ledger.items.items():
        finding.expect(
            taken[sku] == item.taken, f"{sku}: the rows hold {taken[sku]}, taken is {item.taken}"
        )
        finding.expect(
            0 <= item.taken <= item.granted, f"{sku}: {item.taken} taken of {item.granted} granted"
        )
        lowered = ledger.lowered.get(sku, 0)
        finding.expect(
            lowered == item.lowered, f"{sku}: the acts lowered {lowered}, lowered is {item.lowered}"
        )
    return finding


def _conserved(redis: RedisCut) -> Finding:
    finding = Finding(
        invariant="I2", statement="Redis: available + units of held reservations = granted"
    )
    held: Counter[str] = Counter()
    for stored in redis.reservations.values():
        if stored.state == "held":
            held.update(_units(stored.lines))
    for sku, item in redis.record.items.items():
        finding.expect(
            item.available >= 0 and item.available + held[sku] == item.granted,
            f"{sku}: {item.available} available + {held[sku]} held, {item.granted} granted",
        )
    return finding


def _exactly_once(redis: RedisCut, rows: dict[str, AuditedReservation]) -> Finding:
    finding = Finding(
        invariant="I5", statement="each reservation is in both stores, once, and the same"
    )
    for id_, stored in redis.reservations.items():
        row = rows.get(id_)
        same = row is not None and (row.customer, row.lines, row.version) == (
            stored.customer,
            stored.lines,
            stored.version,
        )
        finding.expect(same, f"{id_}: Redis has it, the ledger {'differs' if row else 'has not'}")
    expected = {id_ for id_, row in rows.items() if row.version <= redis.record.version}
    for id_ in expected - redis.reservations.keys():
        finding.expect(False, f"{id_}: the ledger has it, Redis has not")  # noqa: FBT003
    count = len(redis.reservations)
    finding.expect(
        count == redis.record.reservations,
        f"the record counts {redis.record.reservations} reservations, Redis holds {count}",
    )
    return finding


def _within_limits(
    redis: RedisCut, ledger: LedgerCut, rows: Iterable[AuditedReservation]
) -> Finding:
    finding = Finding(invariant="I6", statement="nobody holds more than the limit, in either store")
    in_ledger = _by_customer((r.customer, r.lines) for r in rows if r.state in ACTIVE)
    in_redis = _by_customer(
        (s.customer, s.lines) for s in redis.reservations.values() if s.state == "held"
    )
    for where, held in (("ledger", in_ledger), ("Redis", in_redis)):
        for (customer, sku), units in held.items():
            item = ledger.items.get(sku)
            limit = item.limit_per_customer if item else 0
            finding.expect(
                limit == 0 or units <= limit,
                f"{where}: customer {customer} holds {units} of {sku}, the limit is {limit}",
            )
    return finding


def _holdings_add_up(redis: RedisCut) -> Finding:
    finding = Finding(
        invariant="I6", statement="Redis: what a customer holds is what their reservations say"
    )
    admissions = Counter(stored.customer for stored in redis.reservations.values())
    held: dict[str, list[str]] = {customer: [] for customer in admissions}
    for stored in redis.reservations.values():
        if stored.state == "held":
            held[stored.customer].append(stored.lines)
    for customer in (admissions.keys() | redis.holdings.keys()) - redis.unsettled:
        expected = holdings(admissions[customer], held.get(customer, []))
        kept = _sorted_holdings(redis.holdings.get(customer, "0"))
        finding.expect(
            kept == expected, f"customer {customer}: kept as {kept}, their reservations {expected}"
        )
    return finding


def _mirrored(ledger: LedgerCut, between: CaughtUp) -> Finding:
    finding = Finding(invariant="I7", statement="the ledger's mirror = what Redis has available")
    for sku, item in ledger.items.items():
        available = between.available.get(sku)
        finding.expect(
            available == item.mirror, f"{sku}: {item.mirror} mirrored, {available} available"
        )
    return finding


def _same_states(
    redis: RedisCut, ledger: LedgerCut, rows: dict[str, AuditedReservation], between: CaughtUp
) -> Finding:
    finding = Finding(
        invariant="I7", statement="a reservation is active in both stores, or on its way back"
    )
    on_their_way = ledger.pending_returns | between.returned
    for id_, stored in redis.reservations.items():
        row = rows.get(id_)
        if row is None:
            continue
        if stored.state == "held":
            agreed = row.state in ACTIVE or id_ in on_their_way
        else:
            agreed = row.state == stored.state
        finding.expect(agreed, f"{id_}: {stored.state} in Redis, {row.state} in the ledger")
    return finding


def _safely_trimmed(redis: RedisCut, read_up_to: int) -> Finding:
    finding = Finding(
        invariant="I13", statement="the stream has all that the ledger has not read, to its end"
    )
    version = redis.record.version
    if version > read_up_to:
        finding.expect(
            redis.first is not None and redis.first <= read_up_to + 1,
            f"the stream begins at {redis.first}, the ledger had read up to {read_up_to}",
        )
    finding.expect(
        redis.last is None or redis.last >= version,
        f"the stream ends at {redis.last}, the record is at {version}",
    )
    return finding


def _units(lines: str) -> dict[str, int]:
    return {line.sku: line.quantity for line in decode(lines)}


def _by_customer(lines: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    units: Counter[tuple[str, str]] = Counter()
    for customer, text in lines:
        for line in decode(text):
            units[customer, line.sku] += line.quantity
    return units


def _sorted_holdings(text: str) -> str:
    admissions, *units = text.split(";")
    return ";".join([admissions, *sorted(units)])
