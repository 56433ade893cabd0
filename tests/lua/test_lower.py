"""The lower script takes units out of a sale: all or none, and a request once."""

import pytest
from selling import LAMP, MUG, Sale, wish

from lua.admission import Short
from lua.entry import Kind
from lua.store import Applied, Lowered, TooFew, UnknownItem

pytestmark = pytest.mark.every_redis


async def lower(sale: Sale, units: int, *, request: str = "r1", sku: str = LAMP) -> object:
    return await sale.store.lower(1, request=request, sku=sku, units=units, context='{"a":"b|c"}')


async def test_units_are_taken_out(sale: Sale) -> None:
    assert await lower(sale, 4) == Applied(version=1)
    item = (await sale.record()).items[LAMP]
    assert (item.available, item.raised, item.lowered, item.granted) == (6, 10, 4, 6)


async def test_the_entry_says_who_took_how_many(sale: Sale) -> None:
    await lower(sale, 4)
    (entry,) = await sale.entries()
    assert (entry.kind, entry.first, entry.last) == (Kind.LOWERING, 1, 1)
    assert entry.body == f'r1|{LAMP}|4|{{"a":"b|c"}}'
    assert entry.stock == {LAMP: 6}


async def test_more_than_is_left_is_refused_with_what_is_left(sale: Sale) -> None:
    await sale.admit(wish(1, f"{LAMP}:7:500"))
    before = await sale.everything()
    assert await lower(sale, 4) == TooFew(available=3)
    assert await sale.everything() == before
    assert await lower(sale, 3) == Applied(version=2)


@pytest.mark.parametrize("sku", [LAMP, MUG, "GONE"])
async def test_a_request_is_done_once(sale: Sale, sku: str) -> None:
    await lower(sale, 4)
    before = await sale.everything()
    assert await lower(sale, 9, sku=sku) == Lowered(sku=LAMP, units=4)
    assert await sale.everything() == before
    assert await lower(sale, 4, request="r2") == Applied(version=2)


async def test_what_was_done_under_a_request_is_known(sale: Sale) -> None:
    await lower(sale, 4)
    assert await sale.store.lowered("r1") == Lowered(sku=LAMP, units=4)
    assert await sale.store.lowered("r2") is None


async def test_a_refused_request_may_be_tried_again(sale: Sale) -> None:
    assert await lower(sale, 11) == TooFew(available=10)
    assert await lower(sale, 10) == Applied(version=1)


async def test_lowered_units_are_not_sold(sale: Sale) -> None:
    await lower(sale, 9)
    assert await sale.admit(wish(1, f"{LAMP}:2:500")) == [Short(available={LAMP: 1})]


async def test_an_unknown_item_is_told(sale: Sale) -> None:
    assert await lower(sale, 1, sku="GONE") == UnknownItem()
    assert await sale.entries() == []
