"""What the tests of the ledger ask for: a database that nobody else sees."""

from collections.abc import AsyncIterator

import pytest_asyncio

from sql.database import Database


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated, empty ledger."""
    async with Database(database_url) as database:
        yield database
