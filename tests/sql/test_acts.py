"""The log of acts: in the transaction of the act, and nobody rewrites it."""

import asyncpg
import pytest
from drafts import LAMP, draft

from sql import keys, sales
from sql.acts import OURSELVES, list_acts
from sql.database import Database

BY = "cli:ada"


async def acts(database: Database, **wanted: object) -> list[tuple[str, str, str]]:
    """Who did what to what, newest first."""
    everything = {"actor": None, "subject": None, "before": None, "count": 100}
    found = await list_acts(database, **(everything | wanted))  # type: ignore[arg-type]
    return [(each.actor, each.what, each.subject) for each in found]


async def test_each_act_is_logged_once(database: Database, sale_id: str) -> None:
    definition = draft(sale_id)
    for _ in range(2):
        await sales.create(database, definition, actor=BY)
        await sales.change_state(database, sale_id, "open", actor=BY)
        await sales.grant(
            database, sale_id, sku=LAMP, units=5, request="pallet",
            context={"actor": BY, "reason": "found"},
        )  # fmt: skip
        await keys.create_key(database, digest=b"d", name="till", scope=keys.Scope.SETTLE, actor=BY)
        await keys.revoke_key(database, "till", actor=BY)
    await sales.change_state(database, sale_id, "pause")
    assert await acts(database) == [
        (OURSELVES, "sale.pause", sale_id),
        (BY, "key.revoke", "till"),
        (BY, "key.create", "till"),
        (BY, "units.grant", sale_id),
        (BY, "sale.open", sale_id),
        (BY, "sale.create", sale_id),
    ]
    (granted,) = await list_acts(database, actor=BY, subject=sale_id, before=None, count=1)
    assert granted.detail == {"sku": LAMP, "delta": 5, "reason": "found"}


async def test_what_is_refused_is_not_logged(database: Database, sale_id: str) -> None:
    await sales.create(database, draft(sale_id), actor=BY)
    before = await acts(database)
    with pytest.raises(sales.NotAllowed):
        await sales.change_state(database, sale_id, "resume", actor=BY)
    with pytest.raises(sales.NotAllowed):
        await sales.lower_draft(
            database, sale_id, sku=LAMP, units=999, request="x", context={"actor": BY}
        )
    assert await acts(database) == before


async def test_the_log_is_searched_by_who_by_what_and_page_by_page(database: Database) -> None:
    for name in ("one", "two", "three"):
        by = BY if name == "two" else "cli:bo"
        await keys.create_key(
            database, digest=name.encode(), name=name, scope=keys.Scope.SETTLE, actor=by
        )
    assert await acts(database, actor=BY) == [(BY, "key.create", "two")]
    assert await acts(database, subject="one") == [("cli:bo", "key.create", "one")]
    first = await list_acts(database, actor=None, subject=None, before=None, count=2)
    rest = await list_acts(database, actor=None, subject=None, before=first[-1].id, count=2)
    assert [each.subject for each in [*first, *rest]] == ["three", "two", "one"]


@pytest.mark.parametrize(
    "statement", ["update act set actor = 'nobody'", "delete from act", "truncate act"]
)
async def test_nobody_rewrites_the_log(database: Database, statement: str) -> None:
    await keys.create_key(database, digest=b"d", name="till", scope=keys.Scope.SETTLE, actor=BY)
    with pytest.raises(asyncpg.RaiseError, match="acts are added to, never changed"):
        await database.execute(statement)
    assert await acts(database) == [(BY, "key.create", "till")]
