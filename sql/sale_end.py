"""Tells when a sale is over, and nothing of it is left to do."""

from sql.database import Database
from sql.statement import load

HAS_ENDED = load("sale_has_ended")


async def has_ended(database: Database, sale_id: str) -> bool:
    """Whether it is closed, nothing of it is held, and Redis has been told everything."""
    row = await database.row(HAS_ENDED, sale_id)
    return row is not None and bool(row["has_ended"])
