"""A consistent cut of a sale in Redis, taken while the sale goes on.

The record is read in one step, at version v. The reservations take longer to read, so what
happened after v is undone with the help of the stream, which tells exactly that.
"""

from dataclasses import dataclass

from lua.entry import Entry, Kind
from lua.record import Record
from lua.reservation import StoredReservation
from lua.store import SaleStore

ENTRIES_AT_ONCE = 1000


class Moved(Exception):
    """The sale was recovered, corrected, or is not proven: take another cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCut:
    """A sale at `record.version`.

    `later` are the entries that came while it was read, `unsettled` the customers whom they touch.
    `first` and `last` are the versions that the stream still has, None where it is empty.
    """

    record: Record
    reservations: dict[str, StoredReservation]
    holdings: dict[str, str]
    later: list[Entry]
    first: int | None
    last: int | None
    unsettled: set[str]


async def redis_cut(store: SaleStore) -> RedisCut:
    """Take a cut. Raises Moved, or a `lua.faults.RedisFault`."""
    before = await _proven(store)
    oldest = await store.surviving(before.epoch, after=0, count=1)
    newest = await store.newest(before.epoch)
    found = {
        id_: StoredReservation.parse(stored)
        async for id_, stored in store.scan_reservations(before.epoch)
    }
    holdings = {customer: held async for customer, held in store.scan_customers(before.epoch)}
    after = await _proven(store)
    if after.epoch != before.epoch:
        raise Moved
    later = await _entries(store, before, after)
    return RedisCut(
        record=before,
        reservations=_undone(found, later, before.version),
        holdings=holdings,
        later=later,
        first=oldest[0].first if oldest else None,
        last=newest.last if newest else None,
        unsettled=_customers(found, later),
    )


async def _proven(store: SaleStore) -> Record:
    record = await store.read()
    if record is None or not record.proven:
        raise Moved
    return record


async def _entries(store: SaleStore, before: Record, after: Record) -> list[Entry]:
    entries: list[Entry] = []
    version = before.version
    while version < after.version:
        some = await store.surviving(before.epoch, after=version, count=ENTRIES_AT_ONCE)
        if not some:
            raise Moved
        entries += some
        version = some[-1].last
    return entries


def _undone(
    found: dict[str, StoredReservation], later: list[Entry], version: int
) -> dict[str, StoredReservation]:
    """The reservations as they were at the version."""
    returned = {id_ for entry in later if entry.kind is Kind.RETURNS for id_ in returned_ids(entry)}
    return {
        id_: StoredReservation.parse("h" + stored.encode()[1:]) if id_ in returned else stored
        for id_, stored in found.items()
        if stored.version <= version
    }


def returned_ids(entry: Entry) -> list[str]:
    """The reservations that an entry of returns brought back."""
    return [record[:32] for record in entry.body.split("\n")]


def _customers(found: dict[str, StoredReservation], later: list[Entry]) -> set[str]:
    touched: set[str] = set()
    for entry in later:
        if entry.kind is Kind.ADMISSIONS:
            touched.update(record[32:54] for record in entry.body.split("\n"))
        if entry.kind is Kind.RETURNS:
            touched.update(found[id_].customer for id_ in returned_ids(entry) if id_ in found)
    return touched
