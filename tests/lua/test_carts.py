"""Carts: put, change, remove, read; what bounds them, and what they are no part of."""

import asyncio
from typing import Any

import pytest
from own_server import OwnServer
from selling import LAMP, MAX_CART_LINES, MUG, Offer, Sale, digest, wish

from lua import keys
from lua.admission import Admitted
from lua.carts import Cart, CartFull, CartLine, Carts, NoRecord, NoRoom
from lua.faults import NothingHappened
from lua.server import Server
from lua.store import Opened, UnknownItem

pytestmark = pytest.mark.every_redis

ADA = digest("ada")
EMPTY: dict[str, Any] = {"version": 0, "expires_at_ms": None, "lines": ()}


async def put(sale: Sale, sku: str = LAMP, quantity: int = 1, customer: str = ADA) -> Cart:
    cart = await sale.carts.put(sale.store.sale_id, customer, sku=sku, quantity=quantity)
    assert isinstance(cart, Cart), cart
    return cart


async def read(sale: Sale, customer: str = ADA) -> Cart:
    cart = await sale.carts.read(sale.store.sale_id, customer)
    assert isinstance(cart, Cart), cart
    return cart


async def remove(sale: Sale, sku: str | None = None) -> Cart:
    cart = await sale.carts.remove(sale.store.sale_id, ADA, sku)
    assert isinstance(cart, Cart), cart
    return cart


def contents(cart: Cart) -> list[tuple[str, int]]:
    return [(line.sku, line.quantity) for line in cart.lines]


async def test_a_line_is_put_changed_and_shown_with_what_it_costs_and_what_is_left(
    sale: Sale,
) -> None:
    await put(sale, MUG, 2)
    await put(sale, LAMP, 3)
    await sale.admit(wish(1, f"{LAMP}:9:500", customer="bob"))
    cart = await put(sale, MUG, 1)
    assert cart.currency == "EUR"
    assert cart.lines == (
        CartLine(sku=MUG, quantity=1, unit_price=90, available=5),
        CartLine(sku=LAMP, quantity=3, unit_price=500, available=1),
    )
    again = await read(sale)
    assert (again.version, again.lines) == (cart.version, cart.lines)


async def test_a_cart_holds_no_stock_and_is_no_part_of_the_history(sale: Sale) -> None:
    before = await sale.contents()
    await put(sale, LAMP, 10)
    assert await sale.contents() == before
    assert await sale.admit(wish(1, f"{LAMP}:10:500", customer="bob")) == [Admitted(version=1)]


async def test_the_version_counts_changes_and_no_repetitions(sale: Sale) -> None:
    first = (await put(sale)).version
    assert (await put(sale)).version == first
    assert (await put(sale, quantity=2)).version == first + 1
    assert (await put(sale, MUG)).version == first + 2
    assert (await remove(sale, "GONE")).version == first + 2
    assert (await remove(sale, MUG)).version == first + 3


async def test_no_version_comes_again_after_the_cart_was_emptied(sale: Sale) -> None:
    versions = []
    for _ in range(50):
        versions.append((await put(sale)).version)
        await remove(sale)
    assert sorted(set(versions)) == versions


async def test_an_item_is_removed_and_the_last_one_takes_the_cart_with_it(sale: Sale) -> None:
    await put(sale, LAMP)
    await put(sale, MUG)
    assert contents(await remove(sale, LAMP)) == [(MUG, 1)]
    gone = await remove(sale, MUG)
    assert gone == Cart(now_ms=gone.now_ms, currency="EUR", **EMPTY)
    assert await sale.server.command("EXISTS", keys.cart(sale.store.sale_id, ADA)) == 0


async def test_all_of_it_is_removed_at_once_and_may_be_again(sale: Sale) -> None:
    await put(sale, LAMP)
    await put(sale, MUG)
    for _ in range(2):
        gone = await remove(sale)
        assert gone == Cart(now_ms=gone.now_ms, currency="EUR", **EMPTY)


async def test_a_cart_is_its_customers_alone(sale: Sale) -> None:
    await put(sale, LAMP, 1)
    await put(sale, LAMP, 2, digest("bob"))
    assert contents(await read(sale)) == [(LAMP, 1)]
    assert contents(await read(sale, digest("bob"))) == [(LAMP, 2)]


async def test_an_item_that_the_sale_does_not_have_stays_out(sale: Sale) -> None:
    refused = await sale.carts.put(sale.store.sale_id, ADA, sku="GONE", quantity=1)
    assert refused == UnknownItem()
    assert contents(await read(sale)) == []


async def test_an_item_that_the_sale_has_lost_is_shown_without_price_and_can_be_removed(
    sale: Sale,
) -> None:
    await sale.server.command("SET", keys.cart(sale.store.sale_id, ADA), "7;GONE=2")
    gone = CartLine(sku="GONE", quantity=2, unit_price=None, available=0)
    assert (await read(sale)).lines == (gone,)
    assert contents(await remove(sale, "GONE")) == []


async def test_a_cart_has_so_many_lines_and_no_more(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    skus = [f"SKU-{n}" for n in range(MAX_CART_LINES + 1)]
    await sale.open({sku: Offer(units=1) for sku in skus})
    for sku in skus[:-1]:
        await put(sale, sku)
    assert await sale.carts.put(sale_id, ADA, sku=skus[-1], quantity=1) == CartFull()
    changed = await put(sale, skus[0], 5)
    assert contents(changed) == [(skus[0], 5), (skus[1], 1), (skus[2], 1)]


# Redis 7.0 counts an expiry from when it read the call, and TIME from when the script began.
CLOCKS_MS = 50


async def test_changes_alone_keep_a_cart_longer(server: Server, sale: Sale) -> None:
    sale.carts = Carts(server, kept_seconds=60, max_lines=MAX_CART_LINES)
    cart = await put(sale)
    assert lasts_ms(cart) == pytest.approx(60_000, abs=CLOCKS_MS)
    while (now := await read(sale)).now_ms == cart.now_ms:
        pass
    assert now.expires_at_ms == cart.expires_at_ms
    for change in (put(sale), put(sale, MUG), remove(sale, MUG)):
        changed = await change
        assert lasts_ms(changed) == pytest.approx(60_000, abs=CLOCKS_MS)
        assert changed.expires_at_ms > cart.expires_at_ms


def lasts_ms(cart: Cart) -> int:
    return cart.expires_at_ms - cart.now_ms


async def test_a_cart_that_nobody_changes_is_forgotten(server: Server, sale: Sale) -> None:
    sale.carts = Carts(server, kept_seconds=1, max_lines=MAX_CART_LINES)
    await put(sale)
    while (cart := await read(sale)).version:
        await asyncio.sleep(0.02)
    assert cart == Cart(now_ms=cart.now_ms, currency="EUR", **EMPTY)


async def test_without_a_record_there_are_no_carts(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    assert await sale.carts.read(sale_id, ADA) == NoRecord()
    assert await sale.carts.put(sale_id, ADA, sku=LAMP, quantity=1) == NoRecord()
    assert await sale.carts.remove(sale_id, ADA) == NoRecord()
    await sale.store.fence(1)
    assert await sale.carts.put(sale_id, ADA, sku=LAMP, quantity=1) == NoRecord()


async def test_a_recovery_does_not_see_carts_and_leaves_them(sale: Sale) -> None:
    await sale.admit(wish(1))
    before = await put(sale)
    await sale.store.fence(2)
    assert contents(await put(sale)) == contents(before)
    record = await sale.record()
    available = {sku: item.available for sku, item in record.items.items()}
    adopted = await sale.store.adopt(
        2, old_epoch=1, version=1, proof=record.proof, available=available
    )
    assert adopted == Opened()
    sale.epoch = 2
    assert (await read(sale)).version == before.version


async def test_carts_leave_memory_to_what_is_sold(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5), MUG: Offer(units=5)})
        await put(sale, LAMP)
        used = await _used_memory(server)
        await server.command("CONFIG", "SET", "maxmemory", used * 3 // 2)
        assert await sale.carts.put("friday", ADA, sku=MUG, quantity=1) == NoRoom()
        assert contents(await put(sale, LAMP, 2)) == [(LAMP, 2)]
        assert await sale.admit(wish(1)) == [Admitted(version=1)]
        await server.command("CONFIG", "SET", "maxmemory", used * 4)
        assert contents(await put(sale, MUG)) == [(LAMP, 2), (MUG, 1)]


async def test_a_cart_can_be_emptied_while_memory_is_full(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5), MUG: Offer(units=5)})
        await put(sale, LAMP)
        await put(sale, MUG)
        await server.command("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(NothingHappened):
            await put(sale, LAMP, 2)
        assert contents(await read(sale)) == [(LAMP, 1), (MUG, 1)]
        assert contents(await remove(sale, LAMP)) == [(MUG, 1)]
        assert contents(await remove(sale)) == []


async def test_a_cart_outlives_a_restart(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5)})
        before = await put(sale, LAMP, 3)
    await own_server.restart()
    async with own_server.door() as server:
        after = await read(Sale(server, "friday"))
        assert (after.version, after.lines) == (before.version, before.lines)
        assert after.expires_at_ms == before.expires_at_ms


async def _used_memory(server: Server) -> int:
    lines = bytes(str(await server.command("INFO", "memory")), "utf8").split(b"\\r\\n")
    return next(int(line[12:]) for line in lines if line.startswith(b"used_memory:"))
