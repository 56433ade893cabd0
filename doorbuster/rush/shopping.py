"""What one customer does, from the first click to the end of the hold."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from doorbuster.client import (
    Checkout,
    Customer,
    Gateway,
    Refused,
    Reservation,
    Reserved,
    SoldOut,
    Till,
    Unknown,
    new_key,
)
from doorbuster.rush.plan import Intent, Shopper
from doorbuster.rush.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Where the crowd goes. Without a `till` nobody can pay, and whoever would lets it lapse.

    Through the `door` so many go at a time as there are connections.
    """

    gateway: Gateway
    till: Till | None
    sale_id: str
    token_of: Callable[[str], str]
    tally: Tally
    door: asyncio.Semaphore


async def visit(shop: Shop, shopper: Shopper) -> None:
    """Arrive, click, perhaps come back, and settle what was got."""
    await asyncio.sleep(shopper.arrives_at - shop.tally.elapsed)
    shop.tally.arrived += 1
    buyer = shop.gateway.customer(shop.token_of(shopper.name))
    got = await _click(shop, shopper, buyer)
    if not got and shopper.comes_back_after is not None:
        await asyncio.sleep(shopper.comes_back_after)
        got = await _click(shop, shopper, buyer)
    for reservation in got:
        await _settle(shop, shopper, buyer, reservation)
    shop.tally.gone += 1


async def _click(shop: Shop, shopper: Shopper, buyer: Customer) -> list[Reservation]:
    """Check out with each key, as often as it is clicked; returns what was got by it."""
    keys = [new_key() for _ in range(shopper.keys)]
    clicks = [
        _checkout(shop, shopper, buyer, key, after=number * shopper.clicks_again_after)
        for key in keys
        for number in range(shopper.clicks)
    ]
    answers = await asyncio.gather(*clicks)
    got = {each.reservation.id: each.reservation for each in answers if isinstance(each, Reserved)}
    return list(got.values())


async def _checkout(
    shop: Shop, shopper: Shopper, buyer: Customer, key: str, *, after: float
) -> Checkout:
    await asyncio.sleep(after)
    began = time.perf_counter()
    async with shop.door:
        answer = await buyer.checkout(shop.sale_id, shopper.wanted, key=key)
    shop.tally.note_checkout(_word(answer), time.perf_counter() - began)
    return answer


def _word(answer: Checkout) -> str:
    match answer:
        case Reserved(replayed=replayed):
            return "replayed" if replayed else "admitted"
        case SoldOut():
            return "sold-out"
        case Refused(code=code):
            return code
        case Unknown():
            return "unknown"
        case _ as never:
            assert_never(never)


async def _settle(shop: Shop, shopper: Shopper, buyer: Customer, held: Reservation) -> None:
    intent = shopper.intent
    if intent is Intent.LAPSE or (intent is Intent.PAY and shop.till is None):
        shop.tally.note_settled("left to expire")
        return
    await asyncio.sleep(shopper.thinks_for)
    async with shop.door:
        if intent is Intent.PAY and shop.till is not None:
            settled = await shop.till.confirm(held.id, f"rush-{held.id}")
        else:
            settled = await buyer.release(held.id)
    shop.tally.note_settled(_end(settled))


def _end(settled: Reservation | Refused | Unknown) -> str:
    match settled:
        case Reservation(state=state):
            return state
        case Refused(code=code):
            return code
        case Unknown():
            return "unknown"
        case _ as never:
            assert_never(never)
