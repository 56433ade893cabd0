"""The ledger's part in a recovery: a new epoch, and the snapshot that a rebuild installs."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sql.database import Connection, Database
from sql.ledger import Checkpoint
from sql.sales import LedgerItem, Sale, parse_item, parse_sale
from sql.statement import load

EPOCH_BEGIN = load("epoch_begin")
EPOCH_OPEN = load("epoch_open")
SALE_LOCK = load("sale_lock")
ITEMS_LOCKED = load("items_read_locked")
MIRROR_RESET = load("mirror_reset")
OUTBOX_FINISH_ALL = load("outbox_finish_all")
RESERVATIONS_STORED = load("reservations_stored")
LOWERINGS_READ = load("lowerings_read")
RECOVERY_INSERT = load("recovery_insert")
WITNESS_HIGHEST = load("witness_highest")
ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a recovery ends: `ended_epoch` stops at `version`, and `epoch` goes on from there.

    `outcome` is adopted or rebuilt, `began` what `time.perf_counter` said.
    """

    sale_id: str
    epoch: int
    version: int
    ended_epoch: int
    outcome: str
    why: str
    began: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStored:
    """A reservation as a rebuild stores it; `id` is 32 hexadecimal digits."""

    id: str
    customer: str
    fingerprint: str
    lines: str
    state: str
    version: int
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering:
    """Units that were taken out of an item, and the id under which that happened once."""

    id: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A sale that nothing can change until the block ends; read it within.

    `lost` is how far witnesses saw beyond what the ledger has.
    """

    sale: Sale
    lost: int
    items: list[LedgerItem]
    lowerings: list[Lowering]
    connection: Connection

    async def reservations(self) -> AsyncIterator[list[LedgerStored]]:
        """Every reservation of the sale, some at a time."""
        cursor = await self.connection.cursor(RESERVATIONS_STORED, self.sale.id)
        while rows := await cursor.fetch(ROWS_AT_ONCE):
            yield [LedgerStored(**dict(row)) for row in rows]

    async def reset_mirror(self, active: Mapping[str, int]) -> dict[str, int]:
        """Make the mirror what is left beside these units of each item, and return it.

        They are those of the rows: where the counters say something else, an audit tells, and until
        somebody has mended them nothing is sold that a row has.
        """
        skus, units = list(active), list(active.values())
        rows = await self.connection.fetch(MIRROR_RESET, self.sale.id, skus, units)
        return {row["sku"]: row["mirror"] for row in rows}


async def begin_epoch(database: Database, sale_id: str, *, known: int) -> Checkpoint:
    """Fence all older work in the ledger; `known` is the highest epoch known elsewhere."""
    row = await database.row(EPOCH_BEGIN, sale_id, known)
    if row is None:
        raise LookupError(f"sale {sale_id} has no checkpoint")
    return Checkpoint(**dict(row))


async def open_epoch(database: Database, ending: Ending) -> bool:
    """Let a recovery finish; False where something moved meanwhile."""
    async with database.transaction() as connection:
        return await _open(connection, ending)


@asynccontextmanager
async def snapshot(database: Database, ending: Ending) -> AsyncIterator[Snapshot | None]:
    """The sale as a rebuild installs it: what is pending counts as done, the mirror is made so.

    Everything that could change the sale waits until the block ends; the changes are kept only
    if it ends well. None where this recovery may not finish.
    """
    sale_id = ending.sale_id
    async with database.transaction() as connection:
        row = await connection.fetchrow(SALE_LOCK, sale_id)
        items = await connection.fetch(ITEMS_LOCKED, sale_id)
        if row is None or not await _open(connection, ending):
            yield None
            return
        await connection.execute(OUTBOX_FINISH_ALL, sale_id)
        lowerings = await connection.fetch(LOWERINGS_READ, sale_id)
        seen: int = await connection.fetchval(WITNESS_HIGHEST, sale_id, ending.ended_epoch)
        yield Snapshot(
            sale=parse_sale(row),
            lost=max(seen - ending.version, 0),
            items=[parse_item(item) for item in items],
            lowerings=[Lowering(**dict(each)) for each in lowerings],
            connection=connection,
        )


async def _open(connection: Connection, ending: Ending) -> bool:
    """Open the epoch and say how it came to that, in one transaction: the one proves the other."""
    rebuilds = ending.outcome == "rebuilt"
    opened = await connection.fetchval(
        EPOCH_OPEN, ending.sale_id, ending.epoch, ending.version, rebuilds
    )
    if not opened:
        return False
    await connection.execute(
        RECOVERY_INSERT,
        ending.sale_id,
        ending.epoch,
        ending.outcome,
        ending.why,
        ending.version,
        ending.ended_epoch,
        (time.perf_counter() - ending.began) * 1000,
    )
    return True
