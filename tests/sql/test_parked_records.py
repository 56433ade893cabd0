"""What was parked can be looked at, taken after all, or discarded; who did it stays on record."""

from uuid import UUID

import pytest
import pytest_asyncio
from batches import admitting, filled_mirror, ids
from drafts import draft, open_sale

from sql.database import Database
from sql.ledger import commit_the_rest
from sql.parking import (
    CannotRetry,
    NoSuchParked,
    Parked,
    ParkedKind,
    Resolution,
    discard,
    find_parked,
    list_parked,
    retry,
)

HALF_A_CONTEXT = '{"subject": '


@pytest_asyncio.fixture
async def parked(database: Database, sale_id: str) -> Parked:
    """The context of an order, which is in the ledger without it."""
    await open_sale(database, draft(sale_id))
    await filled_mirror(database, sale_id)
    batch = admitting(sale_id, ids(7))
    batch.admissions.contexts[0] = HALF_A_CONTEXT
    await commit_the_rest(database, batch)
    (parked,) = await list_parked(database)
    return parked


async def _context(database: Database, parked: Parked) -> str:
    row = await database.row(
        "select context::text from reservation where id = $1", UUID(parked.subject)
    )
    assert row is not None
    return str(row[0])


async def test_it_says_what_was_refused_and_why(database: Database, parked: Parked) -> None:
    assert (parked.kind, UUID(parked.subject)) == (ParkedKind.CONTEXT, UUID(int=7))
    assert parked.record == HALF_A_CONTEXT.encode()
    assert "json" in parked.reason
    assert parked.resolution is None
    assert await find_parked(database, parked.id) == parked
    assert await _context(database, parked) == "{}"


async def test_what_is_refused_still_stays_parked(database: Database, parked: Parked) -> None:
    with pytest.raises(CannotRetry, match="json"):
        await retry(database, parked.id, actor="cli:ada")
    assert await find_parked(database, parked.id) == parked
    assert await _context(database, parked) == "{}"


async def test_a_mended_context_is_taken(database: Database, parked: Parked) -> None:
    done = await retry(database, parked.id, actor="cli:ada", mended='{"subject": "ada"}')
    assert (done.resolution, done.resolved_by) == (Resolution.RETRIED, "cli:ada")
    assert done.record == parked.record
    assert await _context(database, parked) == '{"subject": "ada"}'


async def test_what_is_discarded_keeps_who_and_why(database: Database, parked: Parked) -> None:
    done = await discard(database, parked.id, actor="key:till", reason="a broken client")
    assert (done.resolution, done.resolved_by) == (Resolution.DISCARDED, "key:till")
    assert done.note == "a broken client"
    assert await list_parked(database) == []
    assert await list_parked(database, resolved=True) == [done]


async def test_what_was_dealt_with_stays_as_it_is(database: Database, parked: Parked) -> None:
    done = await discard(database, parked.id, actor="cli:ada", reason="a broken client")
    assert await discard(database, parked.id, actor="cli:bob", reason="another") == done
    assert await retry(database, parked.id, actor="cli:bob", mended="{}") == done


async def test_of_nothing_there_is_nothing_to_deal_with(database: Database) -> None:
    assert await find_parked(database, 1) is None
    with pytest.raises(NoSuchParked):
        await retry(database, 1, actor="cli:ada")
    with pytest.raises(NoSuchParked):
        await discard(database, 1, actor="cli:ada", reason="none")
