"""Commits a batch although Postgres refuses a part of it."""

from sql.batch import Batch
from sql.database import Database
from sql.ledger import Refused, commit, commit_the_rest
from sql.parking import ParkedKind


async def commit_or_park(database: Database, batch: Batch) -> bool:
    """Commit; what is refused is parked, and nobody is admitted until somebody has looked.

    Returns whether the ledger has taken every order: else Redis is to be rebuilt. Raises as
    `commit` does, but for Refused.
    """
    try:
        await commit(database, batch)
    except Refused:
        refusals = await commit_the_rest(database, batch)
        return all(each.kind is not ParkedKind.ADMISSION for each in refusals)
    return True
