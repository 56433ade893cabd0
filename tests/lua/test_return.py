"""The return script brings units back, each reservation once."""

import pytest
from selling import LAMP, MUG, Sale, digest, reservation, wish

from lua.entry import Kind
from lua.faults import ScriptFault
from lua.reservation import StoredReservation
from lua.store import Returned

pytestmark = pytest.mark.every_redis


def back(number: int, letter: str = "x") -> str:
    return f"{reservation(number)}{letter}"


async def test_a_return_gives_every_line_back(sale: Sale) -> None:
    await sale.admit(wish(1, f"{LAMP}:3:500;{MUG}:2:90"))
    assert await sale.store.return_units(1, [back(1)]) == Returned(version=2, missing=0)
    record = await sale.record()
    assert (record.items[LAMP].available, record.items[MUG].available) == (10, 5)
    assert record.reservations == 1  # settled, not forgotten


@pytest.mark.parametrize(("letter", "state"), [("x", "expired"), ("r", "released")])
async def test_the_reservation_stays_marked(sale: Sale, letter: str, state: str) -> None:
    await sale.admit(wish(1))
    held = await sale.store.find(1, reservation(1))
    await sale.store.return_units(1, [back(1, letter)])
    settled = await sale.store.find(1, reservation(1))
    assert held is not None
    assert settled == letter + held[1:]
    assert StoredReservation.parse(settled).state == state


async def test_units_return_once(sale: Sale) -> None:
    await sale.admit(wish(1))
    await sale.store.return_units(1, [back(1)])
    before = await sale.everything()
    assert await sale.store.return_units(1, [back(1)]) == Returned(version=2, missing=0)
    assert await sale.store.return_units(1, [back(1, "r")]) == Returned(version=2, missing=0)
    assert await sale.everything() == before


async def test_a_return_twice_in_one_call_is_one_return(sale: Sale) -> None:
    await sale.admit(wish(1))
    returned = await sale.store.return_units(1, [back(1), back(1), back(1, "r")])
    assert returned == Returned(version=2, missing=0)
    assert await sale.available() == 10
    found = await sale.store.find(1, reservation(1))
    assert found is not None
    assert found.startswith("x")


async def test_a_call_is_one_entry_with_contiguous_versions(sale: Sale) -> None:
    await sale.admit(*[wish(n, customer=str(n)) for n in range(5)])
    returned = await sale.store.return_units(1, [back(n) for n in (3, 1, 3, 9, 4)])
    assert returned == Returned(version=8, missing=1)
    entry = (await sale.entries())[-1]
    assert (entry.kind, entry.first, entry.last) == (Kind.RETURNS, 6, 8)
    assert entry.stock == {LAMP: 8}
    assert entry.body.split("\n") == [f"{back(n)}{LAMP}:1:500" for n in (3, 1, 4)]


async def test_missing_reservations_are_counted_and_change_nothing(sale: Sale) -> None:
    await sale.admit(wish(1))
    before = await sale.everything()
    returned = await sale.store.return_units(1, [back(8), back(9)])
    assert returned == Returned(version=1, missing=2)
    assert await sale.everything() == before


async def test_two_orders_of_one_customer_in_a_call_leave_the_third(sale: Sale) -> None:
    await sale.admit(wish(1), wish(2, f"{MUG}:2:90"), wish(3, f"{LAMP}:4:500"))
    await sale.store.return_units(1, [back(1), back(2)])
    customers = (await sale.contents()).customers
    assert customers == {digest("ada"): f"3;{LAMP}=4"}


async def test_a_sku_that_stood_twice_comes_back_whole(sale: Sale) -> None:
    await sale.admit(wish(1, f"{LAMP}:6:500;{LAMP}:4:500"))
    await sale.store.return_units(1, [back(1)])
    assert await sale.available() == 10


async def test_a_closed_sale_takes_units_back(sale: Sale) -> None:
    await sale.admit(wish(1))
    await sale.store.change_state(1, state="closed", opens_at_ms=0, closes_at_ms=0, revision=2)
    assert await sale.store.return_units(1, [back(1)]) == Returned(version=3, missing=0)


async def test_more_returns_than_lua_can_unpack_are_written_whole(sale: Sale) -> None:
    await sale.store.grant(1, sku=LAMP, raised=5000, revision=2)
    for start in range(0, 4500, 500):
        await sale.admit(*[wish(n, customer=str(n)) for n in range(start, start + 500)])
    returned = await sale.store.return_units(1, [back(n) for n in range(4500)])
    assert returned == Returned(version=9001, missing=0)
    assert await sale.available() == 5000


async def test_a_reservation_of_an_item_that_is_gone_stops_the_whole_call(sale: Sale) -> None:
    await sale.admit(wish(1), wish(2, f"{MUG}:1:90"))
    name = f"doorbuster:{{{sale.store.sale_id}}}"
    await sale.server.command("HDEL", name, f"available:{MUG}")
    before = await sale.everything()
    with pytest.raises(ScriptFault):
        await sale.store.return_units(1, [back(1), back(2)])
    assert await sale.everything() == before
    await sale.server.command("HSET", name, f"available:{MUG}", 4)
