"""The correct script moves what is left of an item by a difference, once, and by an entry."""

import pytest
import pytest_asyncio
from selling import LAMP, Sale, wish

from lua import keys
from lua.entry import Kind
from lua.store import Applied, Refused, TooFew, UnknownItem

pytestmark = pytest.mark.every_redis


@pytest_asyncio.fixture
async def drifted(sale: Sale) -> Sale:
    """Four lamps are held, and somebody has put two more on sale than there are."""
    await sale.admit(wish(1, f"{LAMP}:4:500"))
    await sale.server.command("HINCRBY", keys.record(sale.store.sale_id), f"available:{LAMP}", 2)
    await sale.begin(sale.epoch)
    return sale


async def correct(
    sale: Sale, units: int = -2, *, sku: str = LAMP, number: int = 1
) -> Applied | UnknownItem | TooFew | Refused:
    return await sale.store.correct(sale.epoch, sku=sku, units=units, mirrored=-5, number=number)


async def test_the_difference_is_taken_out_and_the_entry_says_so(drifted: Sale) -> None:
    assert await correct(drifted) == Applied(version=2)
    assert await drifted.available() == 6
    entry = (await drifted.entries())[-1]
    assert (entry.kind, entry.first, entry.last) == (Kind.CORRECTION, 2, 2)
    assert (entry.body, entry.stock) == (f"{LAMP}|-2|-5|1", {LAMP: 6})


@pytest.mark.parametrize("number", [1, 2])
async def test_a_known_or_older_number_changes_nothing(drifted: Sale, number: int) -> None:
    assert await correct(drifted, number=2) == Applied(version=2)
    before = await drifted.everything()
    assert await correct(drifted, number=number) == Applied(version=None)
    assert await drifted.everything() == before


async def test_the_sale_may_have_moved_meanwhile(drifted: Sale) -> None:
    await drifted.admit(wish(2, f"{LAMP}:3:500", customer="bob"))
    assert await correct(drifted) == Applied(version=3)
    assert await drifted.available() == 3


async def test_more_than_is_left_cannot_be_taken_out(drifted: Sale) -> None:
    before = await drifted.everything()
    assert await correct(drifted, -9) == TooFew(available=8)
    assert await drifted.everything() == before
    await correct(drifted)


async def test_the_mirror_alone_may_have_to_move(sale: Sale) -> None:
    assert await correct(sale, 0) == Applied(version=1)
    assert (await sale.entries())[-1].stock == {LAMP: 10}


async def test_an_unknown_item_of_a_correction_is_told(sale: Sale) -> None:
    assert await correct(sale, sku="GONE") == UnknownItem()
