"""A checkout of a cart at the desk: what is read may have moved before the script sees it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import uuid4

import pytest_asyncio

from gateway.admission.answer import Answer, CheckoutRequest, Reserved
from gateway.admission.desk import ATTEMPTS, Desk
from gateway.admission.durability import Level
from gateway.admission.request import CustomersCart
from gateway.background import Background
from gateway.counts import AdmissionCounts
from gateway.identity import Customer
from gateway.problems import CART_EMPTY, CHANGED, STOCK_UNVERIFIED, UNKNOWN_SKU, Problem
from gateway.stock.feed import StockFeed
from lua import keys
from lua.carts import Cart, Carts, Kept
from lua.lines import Line
from lua.server import Argument, Server
from lua.store import Closed, Opened, SaleStore

ADA: Final = Customer(issuer="shop", subject="ada")
LAMP = "LAMP-1"
MUG = "MUG"
DEADLINE_SECONDS = 10.0

Happening = Callable[[], Awaitable[object]]


class WatchedCarts(Carts):
    """Something happens after each of the first readings."""

    def __init__(self, server: Server) -> None:
        super().__init__(server, kept_seconds=3600, max_lines=5)
        self.meanwhile: list[Happening] = []
        self.readings = 0

    async def read(self, sale_id: str, customer: str) -> Kept:
        kept = await super().read(sale_id, customer)
        self.readings += 1
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return kept


@dataclass(kw_only=True)
class Place:
    """One sale, its carts, and a desk that sells them."""

    server: Server
    sale_id: str
    carts: WatchedCarts
    desk: Desk

    async def put(self, sku: str, quantity: int = 1, customer: Customer = ADA) -> Cart:
        cart = await self.carts.put(self.sale_id, customer.digest, sku=sku, quantity=quantity)
        assert isinstance(cart, Cart)
        return cart

    async def empty(self) -> None:
        await self.carts.remove(self.sale_id, ADA.digest)

    async def left(self) -> dict[str, int]:
        cart = await Carts.read(self.carts, self.sale_id, ADA.digest)
        assert isinstance(cart, Cart)
        return {line.sku: line.quantity for line in cart.lines}

    async def reprice(self, sku: str, price: int) -> None:
        await self.server.command("HSET", keys.record(self.sale_id), f"price:{sku}", price)

    async def check_out(self, key: str | None = None, customer: Customer = ADA) -> Answer:
        return await self.desk.checkout(
            CheckoutRequest(
                sale_id=self.sale_id,
                customer=customer,
                idempotency_key=key,
                wanted=CustomersCart(),
                traceparent=None,
                since=time.perf_counter(),
            )
        )


@pytest_asyncio.fixture
async def place(valkey_url: str, sale_id: str) -> AsyncIterator[Place]:
    async with (
        Server(valkey_url, timeout_seconds=DEADLINE_SECONDS) as server,
        asyncio.TaskGroup() as tasks,
    ):
        await open_sale(SaleStore(server, sale_id))
        carts = WatchedCarts(server)
        desk = Desk(
            server,
            carts,
            StockFeed(server, valkey_url),
            tasks,
            Background(),
            there_is_every_sale,
            lambda _: None,
            AdmissionCounts(),
            level=Level.MEMORY,
            deadline_seconds=DEADLINE_SECONDS,
        )
        yield Place(server=server, sale_id=sale_id, carts=carts, desk=desk)


async def there_is_every_sale(_: str) -> bool:
    return True


async def open_sale(store: SaleStore) -> None:
    fields: dict[str, Argument] = {
        "state": "open",
        "state_revision": 1,
        "opens_at_ms": 0,
        "closes_at_ms": 0,
        "hold_seconds": 600,
        "reservations_per_customer": 100,
        "currency": "EUR",
        "name": "Friday rush",
        "wanted_durability": "",
        "durability": "memory",
        "replicas": 0,
        "backlog_limit": 1_000_000,
        "stall_limit_ms": 300_000,
    }
    for sku, price in ((LAMP, 500), (MUG, 90)):
        fields |= {
            f"available:{sku}": 10,
            f"raised:{sku}": 10,
            f"raised_revision:{sku}": 1,
            f"lowered:{sku}": 0,
            f"limit:{sku}": 0,
            f"price:{sku}": price,
        }
    assert isinstance(await store.fence(1), Closed)
    opened = await store.open(1, version=0, reservations=0, customers=0, fields=fields)
    assert opened == Opened()


def bought(answer: Answer) -> dict[str, int]:
    assert isinstance(answer, Reserved), answer
    return {line.sku: line.quantity for line in answer.reservation.lines}


async def test_a_cart_that_moved_after_it_was_read_is_read_again_and_bought(place: Place) -> None:
    await place.put(LAMP)
    place.carts.meanwhile = [partial(place.put, MUG), partial(place.put, LAMP, 2)]
    assert bought(await place.check_out()) == {LAMP: 2, MUG: 1}
    assert place.carts.readings == 3
    assert await place.left() == {}


async def test_a_cart_that_does_not_stand_still_is_given_up_and_kept(place: Place) -> None:
    await place.put(LAMP)
    place.carts.meanwhile = [partial(place.put, MUG, n) for n in range(1, ATTEMPTS + 1)]
    assert await place.check_out() is CHANGED
    assert place.carts.readings == ATTEMPTS
    assert await place.left() == {LAMP: 1, MUG: ATTEMPTS}


async def test_a_price_that_moved_after_the_cart_was_read_is_read_again(place: Place) -> None:
    await place.put(LAMP, 2)
    place.carts.meanwhile = [partial(place.reprice, LAMP, 450)]
    answer = await place.check_out()
    assert isinstance(answer, Reserved)
    assert answer.reservation.lines == (Line(sku=LAMP, quantity=2, unit_price=450),)
    assert answer.reservation.total == 900


async def test_a_cart_that_was_forgotten_after_it_was_read_is_empty(place: Place) -> None:
    await place.put(LAMP)
    place.carts.meanwhile = [place.empty]
    assert await place.check_out() == CART_EMPTY


async def test_a_cart_that_was_filled_anew_after_it_was_read_is_not_taken_for_the_old_one(
    place: Place,
) -> None:
    """The same number of changes, other things in it."""

    async def fill_anew() -> None:
        await place.empty()
        await place.put(MUG, 3)

    await place.put(LAMP, 3)
    place.carts.meanwhile = [fill_anew]
    assert bought(await place.check_out()) == {MUG: 3}


async def test_a_repetition_finds_its_order_whatever_became_of_the_cart(place: Place) -> None:
    key = uuid4().hex
    await place.put(LAMP)
    first = await place.check_out(key)
    assert isinstance(first, Reserved)
    assert not first.replayed
    for change in (place.empty, partial(place.put, MUG, 2), partial(lose_item, place, MUG)):
        await change()
        again = await place.check_out(key)
        assert isinstance(again, Reserved)
        assert again.replayed
        assert again.reservation == first.reservation
    assert await place.left() == {MUG: 2}


async def test_an_item_that_the_sale_has_lost_is_named_and_stays(place: Place) -> None:
    await place.put(LAMP)
    await place.put(MUG)
    await lose_item(place, MUG)
    answer = await place.check_out()
    assert isinstance(answer, Problem)
    assert (answer.code, answer.members) == (UNKNOWN_SKU.code, {"sku": MUG})
    assert await place.left() == {LAMP: 1, MUG: 1}


async def test_carts_of_many_customers_are_bought_together(place: Place) -> None:
    crowd = [Customer(issuer="shop", subject=f"customer-{n}") for n in range(8)]
    for customer in crowd:
        await place.put(LAMP, 1, customer)
    answers = await asyncio.gather(*(place.check_out(customer=customer) for customer in crowd))
    assert [bought(answer) for answer in answers] == [{LAMP: 1}] * len(crowd)


async def lose_item(place: Place, sku: str) -> None:
    """As a ledger that was restored from before the item was added would."""
    record = keys.record(place.sale_id)
    await place.server.command("HDEL", record, f"available:{sku}", f"price:{sku}")


async def test_a_cart_that_finds_no_record_costs_no_witness(place: Place) -> None:
    """What this gateway has seen of the sale, a later checkout tells the Redis that lost it."""
    await place.put(LAMP)
    assert bought(await place.check_out()) == {LAMP: 1}
    await place.server.command("DEL", keys.record(place.sale_id))
    assert await place.check_out() == STOCK_UNVERIFIED
    wanted = CheckoutRequest(
        sale_id=place.sale_id,
        customer=ADA,
        idempotency_key=None,
        wanted=((LAMP, 1),),
        traceparent=None,
        since=time.perf_counter(),
    )
    assert await place.desk.checkout(wanted) == STOCK_UNVERIFIED
    assert await place.server.command("HGET", keys.seen(place.sale_id), 1) == b"1"
