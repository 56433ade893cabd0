"""What happened between the two cuts of an audit, as the stream tells it."""

from dataclasses import dataclass

from lua.entry import Kind
from lua.store import SaleStore
from reconciler.redis_cut import Moved, RedisCut, returned_ids
from sql.audit import LedgerCut


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From the record's version to the ledger's.

    `available` is the stock at its end, `returned` the reservations whose units came back,
    `granted` the skus of which units were granted or taken out.
    """

    available: dict[str, int]
    returned: set[str]
    granted: set[str]


async def interval(store: SaleStore, redis: RedisCut, ledger: LedgerCut) -> Interval:
    """Read what the ledger has read since the record was.

    Raises Moved where that is not there any more, or has a correction: the ledger's cut knows that
    it was made, and the record's stock does not. Also a `lua.faults.RedisFault`.
    """
    available = {sku: item.available for sku, item in redis.record.items.items()}
    returned: set[str] = set()
    granted: set[str] = set()
    version = redis.record.version
    while version < ledger.checkpoint.version:
        entries = await store.surviving(redis.record.epoch, after=version, count=1)
        if not entries:
            raise Moved
        entry = entries[0]
        if entry.kind is Kind.CORRECTION:
            raise Moved
        available |= entry.stock
        version = entry.last
        if entry.kind is Kind.RETURNS:
            returned.update(returned_ids(entry))
        if entry.kind in {Kind.GRANT, Kind.LOWERING}:
            granted.update(entry.stock)
    return Interval(available=available, returned=returned, granted=granted)
