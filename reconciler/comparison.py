"""Holds the cuts of both stores against each other, and recomputes every sum from the rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from lua.record import Item
from lua.reservation import StoredReservation
from reconciler.drift import DriftKind
from reconciler.findings import Finding, ItemSums
from reconciler.history import holdings
from reconciler.interval import Interval
from reconciler.pace import Pace
from reconciler.redis_cut import RedisCut
from sql.audit import AuditedReservation, LedgerCut
from sql.lines import units_by_sku, units_of
from sql.sales import LedgerItem

ACTIVE: Final = frozenset({"held", "paid"})


async def compare(
    redis: RedisCut,
    ledger: LedgerCut,
    between: Interval,
    rows: "Rows",
    pace: Pace,
    *,
    read_up_to: int,
) -> tuple[list[Finding], list[ItemSums]]:
    """Compare everything, now that the rows were.

    `read_up_to` is where the ledger stood before Redis was looked at.
    """
    buyers = await _buyers(redis, pace)
    sums = _sums(redis, ledger, between, buyers, rows)
    findings = [
        _never_oversold(ledger, sums),
        _conserved(sums),
        rows.exactly_once,
        await _within_limits(ledger, buyers, rows, pace),
        await _holdings_add_up(redis, buyers, pace),
        _mirrored(ledger, between),
        _granted_alike(redis, ledger, between),
        rows.same_states,
        _safely_trimmed(redis, read_up_to),
    ]
    return findings, sums


# What Redis' reservations say


@dataclass(slots=True, kw_only=True)
class _Buyers:
    """By customer: how often they were admitted, and the lines of what they hold."""

    admissions: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[str]] = field(default_factory=dict)
    held: Counter[str] = field(default_factory=Counter)


async def _buyers(redis: RedisCut, pace: Pace) -> _Buyers:
    buyers = _Buyers()
    async for stored in pace.through(redis.reservations.values()):
        buyers.admissions[stored.customer] += 1
        if stored.state == "held":
            buyers.lines.setdefault(stored.customer, []).append(stored.lines)
            for sku, units in units_of(stored.lines):
                buyers.held[sku] += units
    return buyers


# What the ledger's rows say, beside Redis' reservations


@dataclass(slots=True, kw_only=True)
class Rows:
    """`taken` by sku, and by customer and sku; what the comparison row by row has found."""

    taken: Counter[str] = field(default_factory=Counter)
    limited: Counter[tuple[str, str]] = field(default_factory=Counter)
    exactly_once: Finding = field(
        default_factory=lambda: Finding(
            invariant="I5", statement="each reservation is in both stores, once, and the same"
        )
    )
    same_states: Finding = field(
        default_factory=lambda: Finding(
            invariant="I7", statement="a reservation is active in both stores, or on its way back"
        )
    )


async def compare_rows(redis: RedisCut, ledger: LedgerCut, between: Interval, pace: Pace) -> Rows:
    """Compare row by row, which is all that needs the ledger's transaction."""
    rows = Rows()
    on_their_way = ledger.pending_returns | between.returned
    unknown = dict(redis.reservations)
    limited = {sku for sku, item in ledger.items.items() if item.limit_per_customer > 0}
    async for row in ledger.reservations():
        await pace.step()
        _count(rows, row, limited)
        stored = unknown.pop(row.id, None)
        if row.version <= redis.record.version:
            _check_presence(rows.exactly_once, row, stored)
        if stored is not None:
            _check_state(rows.same_states, row, stored, returning=row.id in on_their_way)
    _check_the_rest(rows.exactly_once, redis, unknown)
    return rows


def _count(rows: Rows, row: AuditedReservation, limited: set[str]) -> None:
    if row.state in ACTIVE:
        for sku, units in units_of(row.lines):
            rows.taken[sku] += units
            if sku in limited:
                rows.limited[row.customer, sku] += units


def _check_presence(
    finding: Finding, row: AuditedReservation, stored: StoredReservation | None
) -> None:
    if not finding.agrees(stored is not None):
        says = f"{row.id}: the ledger has it, Redis has not"
        finding.add(DriftKind.NOT_IN_REDIS, row.id, says)
        return
    mine = (row.customer, row.fingerprint, row.lines, row.version)
    if stored and mine != (stored.customer, stored.fingerprint, stored.lines, stored.version):
        finding.add(DriftKind.DIFFERENT, row.id, f"{row.id}: Redis has it, the ledger differs")


def _check_state(
    finding: Finding, row: AuditedReservation, stored: StoredReservation, *, returning: bool
) -> None:
    is_held, is_active = stored.state == "held", row.state in ACTIVE
    agreed = is_active or returning if is_held else row.state == stored.state
    if finding.agrees(agreed):
        return
    kind = DriftKind.OTHER_END
    if is_held or is_active:
        kind = DriftKind.STUCK_RETURN if is_held else DriftKind.RETURNED
    units = units_by_sku([row.lines]).total()
    says = f"{row.id}: {stored.state} in Redis, {row.state} in the ledger"
    finding.add(kind, row.id, says, 0 if kind is DriftKind.OTHER_END else units)


def _check_the_rest(
    finding: Finding, redis: RedisCut, unknown: Mapping[str, StoredReservation]
) -> None:
    for id_, stored in unknown.items():
        finding.agrees(False)  # noqa: FBT003
        units = units_by_sku([stored.lines]).total()
        says = f"{id_}: Redis has it, the ledger has not"
        finding.add(DriftKind.NOT_IN_LEDGER, id_, says, units)
    count = len(redis.reservations)
    if not finding.agrees(count == redis.record.reservations):
        says = f"the record counts {redis.record.reservations} reservations, Redis holds {count}"
        finding.add(DriftKind.COUNT, "", says)


# The sums of each item


def _sums(
    redis: RedisCut, ledger: LedgerCut, between: Interval, buyers: _Buyers, rows: Rows
) -> list[ItemSums]:
    nothing = Item(sku="", available=0, raised=0, raised_revision=0, lowered=0, limit=0, price=0)
    return [
        _item_sums(item, redis.record.items.get(sku, nothing), ledger, between, buyers, rows)
        for sku, item in ledger.items.items()
    ]


def _item_sums(
    item: LedgerItem,
    there: Item,
    ledger: LedgerCut,
    between: Interval,
    buyers: _Buyers,
    rows: Rows,
) -> ItemSums:
    return ItemSums(
        sku=item.sku,
        granted=item.granted,
        lowered=item.lowered,
        acts=ledger.lowered.get(item.sku, 0),
        taken=item.taken,
        rows=rows.taken[item.sku],
        mirror=item.mirror,
        redis_granted=there.granted,
        redis_lowered=there.lowered,
        available=there.available,
        held=buyers.held[item.sku],
        unmirrored=between.available.get(item.sku, 0) - item.mirror,
    )


def _never_oversold(ledger: LedgerCut, sums: Iterable[ItemSums]) -> Finding:
    finding = Finding(
        invariant="I1",
        statement="ledger: units of held and paid rows = taken, 0 <= taken <= granted",
    )
    for of in sums:
        if not finding.agrees(of.rows == of.taken):
            says = f"{of.sku}: the rows hold {of.rows}, taken is {of.taken}"
            finding.add(DriftKind.TAKEN, of.sku, says, of.taken - of.rows)
        if not finding.agrees(0 <= of.rows <= of.granted):
            says = f"{of.sku}: {of.rows} taken of {of.granted} granted"
            finding.add(DriftKind.OVERSOLD, of.sku, says, of.rows - of.granted)
        if not finding.agrees(of.acts == of.lowered):
            says = f"{of.sku}: the acts lowered {of.acts}, lowered is {of.lowered}"
            finding.add(DriftKind.LOWERED, of.sku, says, of.lowered - of.acts)
    for sku in ledger.lowered.keys() - ledger.items.keys():
        finding.add(DriftKind.LOWERED, sku, f"{sku}: units were taken out, and there is no item")
    return finding


def _conserved(sums: Iterable[ItemSums]) -> Finding:
    finding = Finding(
        invariant="I2", statement="Redis: available + units of held reservations = granted"
    )
    for of in sums:
        if not finding.agrees(of.available >= 0 and of.surplus == 0):
            says = (
                f"{of.sku}: {of.available} available + {of.held} held, {of.redis_granted} granted"
            )
            finding.add(DriftKind.STOCK, of.sku, says, of.surplus)
    return finding


async def _within_limits(ledger: LedgerCut, buyers: _Buyers, rows: Rows, pace: Pace) -> Finding:
    finding = Finding(invariant="I6", statement="nobody holds more than the limit, in either store")
    limits = {sku: item.limit_per_customer for sku, item in ledger.items.items()}
    async for (customer, sku), units in pace.through(rows.limited.items()):
        _check_limit(finding, "ledger", customer, sku, units, limits[sku])
    async for customer, lines in pace.through(buyers.lines.items()):
        for sku, units in units_by_sku(lines).items():
            _check_limit(finding, "Redis", customer, sku, units, limits.get(sku, 0))
    return finding


def _check_limit(
    finding: Finding, where: str, customer: str, sku: str, units: int, limit: int
) -> None:
    if not finding.agrees(limit == 0 or units <= limit):
        says = f"{where}: customer {customer} holds {units} of {sku}, the limit is {limit}"
        finding.add(DriftKind.OVER_LIMIT, customer, says, units - limit)


async def _holdings_add_up(redis: RedisCut, buyers: _Buyers, pace: Pace) -> Finding:
    finding = Finding(
        invariant="I6", statement="Redis: what a customer holds is what their reservations say"
    )
    customers = (buyers.admissions.keys() | redis.holdings.keys()) - redis.unsettled
    async for customer in pace.through(customers):
        expected = holdings(buyers.admissions[customer], buyers.lines.get(customer, []))
        kept = _sorted_holdings(redis.holdings.get(customer, "0"))
        if not finding.agrees(kept == expected):
            says = f"customer {customer}: kept as {kept}, their reservations {expected}"
            finding.add(DriftKind.HOLDINGS, customer, says)
    return finding


def _sorted_holdings(text: str) -> str:
    admissions, *units = text.split(";")
    return ";".join([admissions, *sorted(units)])


def _mirrored(ledger: LedgerCut, between: Interval) -> Finding:
    finding = Finding(invariant="I7", statement="the ledger's mirror = what Redis has available")
    for sku, item in ledger.items.items():
        available = between.available.get(sku, 0)
        if not finding.agrees(available == item.mirror):
            says = f"{sku}: {item.mirror} mirrored, {available} available"
            finding.add(DriftKind.MIRROR, sku, says, available - item.mirror)
    return finding


def _granted_alike(redis: RedisCut, ledger: LedgerCut, between: Interval) -> Finding:
    finding = Finding(invariant="I7", statement="the same units were granted in both stores")
    for sku in sorted(ledger.items.keys() | redis.record.items.keys()):
        there, here = redis.record.items.get(sku), ledger.items.get(sku)
        if there and here and _is_on_its_way(there, here, between):
            continue
        in_redis, in_ledger = there.granted if there else 0, here.granted if here else 0
        if not finding.agrees(in_redis == in_ledger):
            says = f"{sku}: {in_redis} granted in Redis, {in_ledger} in the ledger"
            finding.add(DriftKind.GRANTED, sku, says, in_redis - in_ledger)
    return finding


def _is_on_its_way(there: Item, here: LedgerItem, between: Interval) -> bool:
    """Whether units were granted or taken out and only one store may know it yet."""
    return there.raised_revision != here.raised_revision or here.sku in between.granted


def _safely_trimmed(redis: RedisCut, read_up_to: int) -> Finding:
    finding = Finding(
        invariant="I13", statement="the stream has all that the ledger has not read, to its end"
    )
    version = redis.record.version
    if version > read_up_to and not finding.agrees(
        redis.first is not None and redis.first <= read_up_to + 1
    ):
        says = f"the stream begins at {redis.first}, the ledger had read up to {read_up_to}"
        finding.add(DriftKind.STREAM, "", says)
    if not finding.agrees(redis.last is None or redis.last >= version):
        says = f"the stream ends at {redis.last}, the record is at {version}"
        finding.add(DriftKind.STREAM, "", says)
    return finding
