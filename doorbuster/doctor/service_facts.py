"""What the reconcilers keep, read from both stores. What heals by itself is given time to."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from lua.server import Server
from lua.store import SaleStore
from reconciler.service import LEASE_SECONDS
from sql.database import Database
from sql.inspection import (
    OpenAlarm,
    PendingRows,
    UnledSale,
    count_reconcilers,
    read_alarms,
    read_outbox,
    read_unled,
)
from sql.sales import Sale, SaleState, read_all

T = TypeVar("T")

# The newest; a shop with more sales than this looks at `doorbuster audit`.
MOST_SALES: Final = 500
PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """A sale's record in Redis: whether it is proven, and the level stamped on it."""

    sale_id: str
    proven: bool
    stamped: str
    wanted: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """Everything together; `records` is None where Redis could not be asked.

    `stuck` are outbox rows that were pending for as long as they were watched.
    """

    reconcilers: int
    sales: int
    unled: tuple[UnledSale, ...]
    alarms: tuple[OpenAlarm, ...]
    stuck: tuple[PendingRows, ...]
    records: tuple[RecordFacts, ...] | None


async def read_service(
    database: Database, server: Server | None, *, patience_seconds: float
) -> ServiceFacts:
    """Read all; `server` is None where Redis is away."""
    sales = [each for each in await read_all(database) if each.state != SaleState.DRAFT]
    reconcilers = await count_reconcilers(database, seconds=LEASE_SECONDS)
    # Without a reconciler nothing heals, so nothing is waited for.
    patience = _Patience(patience_seconds if reconcilers else 0)
    return ServiceFacts(
        reconcilers=reconcilers,
        sales=len(sales),
        unled=tuple(await patience.wait_for_none(lambda: read_unled(database))),
        alarms=tuple(await read_alarms(database)),
        stuck=tuple(await _stuck(database, patience)),
        records=await _records(server, sales[:MOST_SALES], patience) if server else None,
    )


class _Patience:
    """Waits for what heals by itself: a recovery, a lease that is taken over, a busy relay.

    All of it heals at the same time, so there is one end to the waiting.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    async def wait_for_none(self, read: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T]:
        """Read until there is nothing, or the patience is at its end; return what is left."""
        while (left := await read()) and time.monotonic() < self._deadline:
            await asyncio.sleep(PAUSE_SECONDS)
        return left


async def _stuck(database: Database, patience: _Patience) -> Sequence[PendingRows]:
    began = {each.sale_id: each.oldest for each in await read_outbox(database)}

    async def unmoved() -> list[PendingRows]:
        pending = await read_outbox(database)
        return [each for each in pending if began.get(each.sale_id) == each.oldest]

    return await patience.wait_for_none(unmoved)


async def _records(
    server: Server, sales: Sequence[Sale], patience: _Patience
) -> tuple[RecordFacts, ...]:
    found: dict[str, RecordFacts] = {}

    async def unproven() -> list[Sale]:
        for sale in [each for each in sales if not _is_proven(found.get(each.id))]:
            found[sale.id] = await _record(server, sale)
        return [each for each in sales if not _is_proven(found.get(each.id))]

    await patience.wait_for_none(unproven)
    return tuple(found.values())


def _is_proven(record: RecordFacts | None) -> bool:
    return record is not None and record.proven


async def _record(server: Server, sale: Sale) -> RecordFacts:
    record = await SaleStore(server, sale.id).read()
    return RecordFacts(
        sale_id=sale.id,
        proven=record is not None and record.proven,
        stamped=record.proof.durability if record else "",
        wanted=sale.durability,
    )
