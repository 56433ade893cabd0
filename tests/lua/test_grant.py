"""The grant script follows the ledger's cumulative sum."""

import pytest
from selling import LAMP, Sale, wish

from lua.admission import Admitted
from lua.entry import Kind
from lua.faults import ScriptFault
from lua.store import Applied, UnknownItem

pytestmark = pytest.mark.every_redis


async def test_the_difference_to_the_new_sum_is_added(sale: Sale) -> None:
    await sale.admit(wish(1, f"{LAMP}:4:500"))
    assert await sale.store.grant(1, sku=LAMP, raised=25, revision=2) == Applied(version=2)
    item = (await sale.record()).items[LAMP]
    assert (item.available, item.raised, item.raised_revision, item.granted) == (21, 25, 2, 25)


async def test_the_entry_says_what_was_added_under_which_revision(sale: Sale) -> None:
    await sale.store.grant(1, sku=LAMP, raised=25, revision=2)
    (entry,) = await sale.entries()
    assert (entry.kind, entry.first, entry.last) == (Kind.GRANT, 1, 1)
    assert (entry.body, entry.stock) == (f"{LAMP}|15|2", {LAMP: 25})


@pytest.mark.parametrize("revision", [1, 2])
async def test_a_repeated_or_older_revision_changes_nothing(sale: Sale, revision: int) -> None:
    await sale.store.grant(1, sku=LAMP, raised=25, revision=2)
    before = await sale.everything()
    again = await sale.store.grant(1, sku=LAMP, raised=40, revision=revision)
    assert again == Applied(version=None)
    assert await sale.everything() == before


async def test_a_skipped_revision_is_contained_in_the_next(sale: Sale) -> None:
    await sale.store.grant(1, sku=LAMP, raised=40, revision=4)
    assert await sale.store.grant(1, sku=LAMP, raised=25, revision=3) == Applied(version=None)
    assert await sale.available() == 40


async def test_a_grant_after_a_lowering_adds_to_what_is_left(sale: Sale) -> None:
    await sale.store.lower(1, request="r", sku=LAMP, units=7, context="{}")
    await sale.store.grant(1, sku=LAMP, raised=15, revision=2)
    item = (await sale.record()).items[LAMP]
    assert (item.available, item.granted) == (8, 8)


async def test_a_sum_that_shrinks_is_a_contradiction(sale: Sale) -> None:
    """Units leave by lowering alone; a smaller sum could make what is left negative."""
    await sale.admit(wish(1, f"{LAMP}:9:500"))
    before = await sale.everything()
    with pytest.raises(ScriptFault, match="sum"):
        await sale.store.grant(1, sku=LAMP, raised=5, revision=2)
    assert await sale.everything() == before


async def test_an_unknown_item_is_told(sale: Sale) -> None:
    assert await sale.store.grant(1, sku="GONE", raised=5, revision=2) == UnknownItem()
    assert await sale.entries() == []


async def test_granted_units_can_be_sold(sale: Sale) -> None:
    await sale.store.grant(1, sku=LAMP, raised=12, revision=2)
    assert await sale.admit(wish(1, f"{LAMP}:12:500")) == [Admitted(version=2)]
