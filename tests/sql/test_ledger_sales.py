"""Sales in the ledger: created once, moved by acts that it allows, granted once for a request."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from batches import admitting, filled_mirror, ids
from drafts import LAMP, MUG, draft, open_sale

from sql import sales
from sql.database import Database
from sql.ledger import commit
from sql.outbox import PendingGrant, PendingState, read_pending
from sql.sales import ACTS, NoSuchItem, NoSuchSale, NotAllowed, SaleExists, SaleState

OPENS = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
CLOSES = datetime(2026, 11, 27, 10, 0, 0, 500_000, tzinfo=UTC)
WHY = {"actor": "ada", "reason": "found some more"}


@pytest.fixture
async def sale(database: Database, sale_id: str) -> Database:
    """A draft of ten lamps and five mugs, in its ledger."""
    await sales.create(database, draft(sale_id, limit=2, opens_at=OPENS, closes_at=CLOSES))
    return database


async def test_a_created_sale_is_a_draft_with_its_items(sale: Database, sale_id: str) -> None:
    found = await sales.read(sale, sale_id)
    assert (found.state, found.revision) == (SaleState.DRAFT, 0)
    assert (found.opens_at, found.closes_at) == (OPENS, CLOSES)
    assert (found.opens_at_ms, found.closes_at_ms) == (1795770000000, 1795773600500)
    assert (found.epoch, found.version, found.opened) == (0, 0, 0)
    lamp, mug = await sales.read_items(sale, sale_id)
    assert (lamp.sku, lamp.name, lamp.price, lamp.limit_per_customer) == (
        LAMP,
        f"A {LAMP}",
        500,
        2,
    )
    assert (mug.raised, mug.granted, mug.lowered, mug.taken, mug.mirror) == (5, 5, 0, 0, 0)


async def test_a_sale_is_created_once(sale: Database, sale_id: str) -> None:
    again = draft(sale_id, {LAMP: 99})
    assert await sales.create(sale, again) is False
    assert (await sales.read_items(sale, sale_id))[0].raised == 10


async def test_another_sale_under_the_same_id_is_refused(sale: Database, sale_id: str) -> None:
    with pytest.raises(SaleExists):
        await sales.create(sale, replace(draft(sale_id), source=json.dumps({"id": "else"})))


async def test_of_many_creates_at_once_one_creates(database: Database, sale_id: str) -> None:
    created = await asyncio.gather(*(sales.create(database, draft(sale_id)) for _ in range(5)))
    assert sorted(created) == [False, False, False, False, True]


async def test_a_product_keeps_its_name_and_price(sale: Database) -> None:
    await sales.create(sale, draft("another", {LAMP: 1}))
    assert (await sales.read_items(sale, "another"))[0].name == f"A {LAMP}"


PATHS = {
    SaleState.DRAFT: [],
    SaleState.OPEN: ["open"],
    SaleState.PAUSED: ["open", "pause"],
    SaleState.CLOSED: ["open", "close"],
}


async def bring_to(database: Database, sale_id: str, state: SaleState) -> None:
    await sales.create(database, draft(sale_id))
    for act in PATHS[state]:
        await sales.change_state(database, sale_id, act)


async def test_an_act_is_done_refused_or_needless(database: Database) -> None:
    """`draft → open ⇄ paused → closed`, and what is so already stays as it is."""
    for state, act in product(SaleState, ACTS):
        sale_id = f"{state}-{act}"
        await bring_to(database, sale_id, state)
        before = await sales.read(database, sale_id)
        to, allowed = ACTS[act]
        if state == to or state in allowed:
            assert await sales.change_state(database, sale_id, act) is (state != to)
        else:
            with pytest.raises(NotAllowed):
                await sales.change_state(database, sale_id, act)
        after = await sales.read(database, sale_id)
        changed = state in allowed and state != to
        assert after.state == (to if changed else state)
        assert after.revision == before.revision + changed


async def test_closed_is_final(database: Database, sale_id: str) -> None:
    await bring_to(database, sale_id, SaleState.CLOSED)
    for act in ("open", "pause", "resume"):
        with pytest.raises(NotAllowed):
            await sales.change_state(database, sale_id, act)
    with pytest.raises(NotAllowed):
        await sales.grant(database, sale_id, sku=LAMP, units=1, request="late", context=WHY)


async def test_each_change_of_state_is_told_to_redis_in_order(sale: Database, sale_id: str) -> None:
    for act in ("open", "pause", "pause", "resume", "close"):
        await sales.change_state(sale, sale_id, act)
    told = await read_pending(sale, sale_id, after=0, count=10)
    assert [
        (row.state, row.revision, row.opens_at_ms, row.closes_at_ms)
        for row in told
        if isinstance(row, PendingState)
    ] == [
        (state, revision, 1795770000000, 1795773600500)
        for revision, state in enumerate(["open", "paused", "open", "closed"], 1)
    ]


async def test_of_two_acts_at_once_each_gets_a_revision_of_its_own(
    sale: Database, sale_id: str
) -> None:
    await sales.change_state(sale, sale_id, "open")
    await asyncio.gather(
        *(sales.change_state(sale, sale_id, act) for act in ("pause", "pause", "pause"))
    )
    assert (await sales.read(sale, sale_id)).revision == 2


async def test_a_sale_that_does_not_exist(database: Database) -> None:
    with pytest.raises(NoSuchSale):
        await sales.read(database, "nowhere")
    with pytest.raises(NoSuchSale):
        await sales.change_state(database, "nowhere", "open")


async def test_a_grant_raises_the_sum_once_for_a_request(sale: Database, sale_id: str) -> None:
    await sales.change_state(sale, sale_id, "open")
    granted = await asyncio.gather(
        *(
            sales.grant(sale, sale_id, sku=LAMP, units=7, request="pallet-1", context=WHY)
            for _ in range(5)
        )
    )
    assert sorted(granted) == [False, False, False, False, True]
    await sales.grant(sale, sale_id, sku=LAMP, units=1, request="pallet-2", context=WHY)
    lamp = (await sales.read_items(sale, sale_id))[0]
    assert (lamp.raised, lamp.granted, lamp.raised_revision) == (18, 18, 2)
    told = await read_pending(sale, sale_id, after=0, count=10)
    assert [
        (row.sku, row.raised, row.revision) for row in told if isinstance(row, PendingGrant)
    ] == [(LAMP, 17, 1), (LAMP, 18, 2)]
    adjustment = await sales.find_adjustment(sale, "pallet-1")
    assert adjustment is not None
    assert (adjustment.sale_id, adjustment.sku, adjustment.delta, adjustment.reason) == (
        sale_id,
        LAMP,
        7,
        "found some more",
    )


async def test_a_grant_of_an_unknown_item_leaves_nothing(sale: Database, sale_id: str) -> None:
    with pytest.raises(NoSuchItem):
        await sales.grant(sale, sale_id, sku="chair", units=1, request="chair", context=WHY)
    assert await sales.find_adjustment(sale, "chair") is None
    with pytest.raises(NoSuchSale):
        await sales.grant(sale, "nowhere", sku=LAMP, units=1, request="chair", context=WHY)


async def test_units_are_taken_out_of_a_draft_once_and_not_below_nothing(
    sale: Database, sale_id: str
) -> None:
    lower = {"sku": MUG, "units": 3, "request": "broken-3", "context": WHY}
    assert await sales.lower_draft(sale, sale_id, **lower) is True
    assert await sales.lower_draft(sale, sale_id, **lower) is False
    with pytest.raises(NotAllowed):
        await sales.lower_draft(sale, sale_id, **(lower | {"request": "broken-4"}))
    assert await sales.find_adjustment(sale, "broken-4") is None
    mug = (await sales.read_items(sale, sale_id))[1]
    assert (mug.raised, mug.lowered, mug.granted) == (5, 3, 2)


async def test_units_of_an_open_sale_are_taken_out_elsewhere(sale: Database, sale_id: str) -> None:
    await sales.change_state(sale, sale_id, "open")
    with pytest.raises(NotAllowed):
        await sales.lower_draft(sale, sale_id, sku=MUG, units=1, request="one", context=WHY)


async def test_a_sale_is_listed_with_its_checkpoint(database: Database, sale_id: str) -> None:
    await open_sale(database, draft(sale_id))
    await filled_mirror(database, sale_id)
    await commit(database, admitting(sale_id, ids(1)))
    await sales.create(database, draft("newer"))
    assert [(each.id, each.version) for each in await sales.read_all(database)] == [
        ("newer", 0),
        (sale_id, 1),
    ]
