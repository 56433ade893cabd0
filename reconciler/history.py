"""Turns entries of a sale's stream into one ledger batch. Pure: nothing is read or written here."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import assert_never

from lua.entry import Entry, Kind
from lua.reservation import STATE_OF_LETTER
from sql.batch import Batch, Corrected, StockCheck
from sql.ledger import Contradiction
from sql.lines import units_by_sku


def build(sale_id: str, *, epoch: int, began: int, entries: Sequence[Entry]) -> Batch:
    """The batch that these entries make. Raises Contradiction where they are no history."""
    batch = Batch(sale_id=sale_id, epoch=epoch, began=began, last=began)
    for entry in entries:
        _check_number(batch, entry)
        try:
            _add(batch, entry)
        except (ValueError, KeyError) as error:
            raise Contradiction(f"version {entry.first} is no {entry.kind}: {error}") from error
        batch.last = entry.last
        _check_stock(batch, entry)
    return batch


def _check_number(batch: Batch, entry: Entry) -> None:
    if entry.first != batch.last + 1:
        raise Contradiction(f"version {entry.first} follows {batch.last}: a gap")
    if entry.epoch > batch.epoch:
        raise Contradiction(f"version {entry.first} is of epoch {entry.epoch}, not {batch.epoch}")


def _check_stock(batch: Batch, entry: Entry) -> None:
    batch.checks.extend(
        StockCheck(version=entry.last, sku=sku, moved=batch.mirror[sku], available=available)
        for sku, available in entry.stock.items()
    )


def _add(batch: Batch, entry: Entry) -> None:
    match entry.kind:
        case Kind.ADMISSIONS:
            _add_admissions(batch, entry)
        case Kind.RETURNS:
            _add_returns(batch, entry)
        case Kind.GRANT:
            _add_grant(batch, entry)
        case Kind.LOWERING:
            _add_lowering(batch, entry)
        case Kind.STATE:
            _add_state(batch, entry)
        case Kind.CORRECTION:
            _add_correction(batch, entry)
        case _ as never:
            assert_never(never)


def _add_admissions(batch: Batch, entry: Entry) -> None:
    new = batch.admissions
    records = entry.body.split("\n")
    _check_count(entry, len(records))
    lines = []
    for record in records:
        text, _, context = record[76:].partition("|")
        new.ids.append(record[:32])
        new.customers.append(record[32:54])
        new.fingerprints.append(record[54:76])
        new.contexts.append(context)
        lines.append(text)
    new.lines.extend(lines)
    new.versions.extend(range(entry.first, entry.last + 1))
    new.epochs.extend([entry.epoch] * len(records))
    new.admitted_at_ms.extend([entry.at_ms] * len(records))
    units = units_by_sku(lines)
    batch.taken.update(units)
    batch.mirror.subtract(units)


def _add_returns(batch: Batch, entry: Entry) -> None:
    records = entry.body.split("\n")
    _check_count(entry, len(records))
    batch.returns.extend(record[:32] for record in records)
    batch.ends.extend(STATE_OF_LETTER[record[32]] for record in records)
    batch.mirror.update(units_by_sku(record[33:] for record in records))


def _add_grant(batch: Batch, entry: Entry) -> None:
    sku, units, revision = entry.body.split("|")
    _check_count(entry, 1)
    batch.grants.append((sku, int(revision)))
    batch.mirror.update({sku: int(units)})


def _add_lowering(batch: Batch, entry: Entry) -> None:
    request, sku, units, context = entry.body.split("|", 3)
    _check_count(entry, 1)
    made = batch.lowerings
    made.requests.append(request)
    made.versions.append(entry.last)
    made.skus.append(sku)
    made.units.append(int(units))
    made.contexts.append(context)
    batch.mirror.subtract({sku: int(units)})


def _add_state(batch: Batch, entry: Entry) -> None:
    _, revision = entry.body.split("|")
    _check_count(entry, 1)
    batch.states.append(int(revision))


def _add_correction(batch: Batch, entry: Entry) -> None:
    sku, units, mirrored, number = entry.body.split("|")
    _check_count(entry, 1)
    batch.corrections.append(
        Corrected(
            version=entry.last,
            sku=sku,
            number=int(number),
            before=entry.stock[sku] - int(units),
            after=entry.stock[sku],
        )
    )
    batch.mirror.update({sku: int(mirrored)})


def _check_count(entry: Entry, count: int) -> None:
    if entry.last - entry.first + 1 != count:
        raise Contradiction(f"versions {entry.first} to {entry.last} hold {count} records")


def holdings(admissions: int, lines: Iterable[str]) -> str:
    """A customer's holdings as the scripts keep them: what they hold now, and all they ever had."""
    units: Counter[str] = units_by_sku(lines)
    return ";".join([str(admissions), *(f"{sku}={count}" for sku, count in sorted(units.items()))])
