"""A consistent cut of a sale in the ledger, for the audit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from sql.database import Connection, Database
from sql.ledger import CHECKPOINT_READ, Checkpoint
from sql.sales import ITEMS_READ, LedgerItem, parse_item
from sql.statement import load

RESERVATIONS = load("audit_reservations")
PENDING_RETURNS = load("audit_pending_returns")
LOWERED = load("audit_lowered")
CORRECTIONS_MADE = load("corrections_made")
CORRECTIONS_PENDING = load("corrections_pending")
ROWS_AT_ONCE = 2000


class AuditedReservation(NamedTuple):
    """A row, whose columns stand in this order; `id` is 32 hexadecimal digits."""

    id: str
    customer: str
    fingerprint: str
    lines: str
    state: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCut:
    """A sale at one moment; `pending_returns` are ids, `lowered` sums what operators took out.

    `corrections` has the number of the last one by kind and subject, `pending_corrections` the skus
    of those that are on their way.
    """

    checkpoint: Checkpoint
    items: dict[str, LedgerItem]
    pending_returns: set[str]
    lowered: dict[str, int]
    corrections: dict[tuple[str, str], int]
    pending_corrections: frozenset[str]
    connection: Connection
    sale_id: str

    async def reservations(self) -> AsyncIterator[AuditedReservation]:
        """Every reservation of the sale at that moment."""
        cursor = await self.connection.cursor(RESERVATIONS, self.sale_id)
        while rows := await cursor.fetch(ROWS_AT_ONCE):
            for row in rows:
                yield AuditedReservation._make(row)


@asynccontextmanager
async def ledger_cut(database: Database, sale_id: str) -> AsyncIterator[LedgerCut]:
    """The sale as it is now, whatever is committed until the block ends."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        checkpoint = await connection.fetchrow(CHECKPOINT_READ, sale_id)
        if checkpoint is None:
            raise LookupError(sale_id)
        items = [parse_item(row) for row in await connection.fetch(ITEMS_READ, sale_id)]
        pending = await connection.fetch(PENDING_RETURNS, sale_id)
        lowered = await connection.fetch(LOWERED, sale_id)
        corrections = await connection.fetch(CORRECTIONS_MADE, sale_id)
        on_their_way = await connection.fetch(CORRECTIONS_PENDING, sale_id)
        yield LedgerCut(
            checkpoint=Checkpoint(**dict(checkpoint)),
            items={item.sku: item for item in items},
            pending_returns={row["key"] for row in pending},
            lowered={row["sku"]: row["units"] for row in lowered},
            corrections={(row["kind"], row["subject"]): row["number"] for row in corrections},
            pending_corrections=frozenset(row["sku"] for row in on_their_way),
            connection=connection,
            sale_id=sale_id,
        )
