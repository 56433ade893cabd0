"""Rebuilds by hand: what one would write, and how one is asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sql.acts import What, record
from sql.database import Database
from sql.ledger import CHECKPOINT_READ, Checkpoint
from sql.sales import ITEMS_READ, LedgerItem, parse_item
from sql.statement import load

ASK = load("rebuild_ask")
ACTIVE = load("rebuild_active")
COUNT = load("rebuild_count")

# A million reservations are added up in about a second; nothing waits for it but who has asked.
SUM_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBooks:
    """A sale as a rebuild would install it: `active` are the units held and paid of each item."""

    checkpoint: Checkpoint
    items: list[LedgerItem]
    active: Mapping[str, int]
    reservations: int


async def read_books(database: Database, sale_id: str) -> LedgerBooks:
    """All of it at one moment. Raises LookupError where there is no such sale, or it is a draft."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        checkpoint = await connection.fetchrow(CHECKPOINT_READ, sale_id)
        if checkpoint is None:
            raise LookupError(sale_id)
        items = await connection.fetch(ITEMS_READ, sale_id)
        active = await connection.fetch(ACTIVE, sale_id, timeout=SUM_SECONDS)
        return LedgerBooks(
            checkpoint=Checkpoint(**dict(checkpoint)),
            items=[parse_item(row) for row in items],
            active={row["sku"]: row["units"] for row in active},
            reservations=await connection.fetchval(COUNT, sale_id, timeout=SUM_SECONDS),
        )


async def ask_for_rebuild(database: Database, sale_id: str, *, actor: str) -> str:
    """Have the sale's reconciler rebuild it; returns the key of the outbox row that asks for it.

    Whoever asks again before it is done means the same rebuild. Raises LookupError where there is
    no such sale.
    """
    async with database.transaction() as connection:
        row = await connection.fetchrow(ASK, sale_id, json.dumps({"actor": actor}))
        if row is None:
            raise LookupError(sale_id)
        if row["is_new"]:
            await record(connection, actor, What.SALE_REBUILD, sale_id)
        return str(row["key"])
