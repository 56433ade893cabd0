"""Postgres commits a payment or a release, and its answer is lost: once more finds it done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from buyer import Answer
from kept_shop import KeptShop, is_problem, keeping_shop, until_true
from ledger_proxy import LedgerProxy, ledger_proxy
from shop import settings_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A shop whose gateway reaches Postgres through a proxy; the reconciler does not."""

    shop: KeptShop
    proxy: LedgerProxy


@pytest.fixture
async def place(valkey_url: str, database_url: str, short_folder: Path) -> AsyncIterator[Place]:
    async with ledger_proxy(short_folder, database_url) as proxy:
        settings = settings_for(valkey_url, database_url, short_folder)
        own = {"gateway-1": {"DOORBUSTER_DATABASE_URL": proxy.url}}
        async with keeping_shop(settings, short_folder, own=own) as shop:
            yield Place(shop=shop, proxy=proxy)
        assert not shop.faults()


async def test_what_was_settled_is_settled_once(place: Place) -> None:
    shop = place.shop
    sale_id = await shop.sell(10)
    paid, released = [await bought(shop, sale_id, customer) for customer in ("ada", "bob")]

    assert await is_settled_unheard(place, paid, "confirm", payment_reference="first")
    other = await settle(place, paid, "confirm", payment_reference="second")
    assert (other.status, other.body["refund_required"]) == (409, True)

    assert await is_settled_unheard(place, released, "release")
    await until_true(lambda: has_left(shop, sale_id, 9))
    await shop.audited(sale_id)
    assert await has_left(shop, sale_id, 9)


async def is_settled_unheard(place: Place, reservation: Answer, act: str, **body: str) -> bool:
    """The answer to COMMIT is lost, so the gateway knows no better; asked again, it does."""
    lost = place.proxy.lost
    place.proxy.lose_next_commit()
    first = await settle(place, reservation, act, **body)
    assert place.proxy.lost == lost + 1
    assert first.status == 200 or is_problem(first, 503, "ledger-behind")
    again = await settle(place, reservation, act, **body)
    return again.status == 200


async def settle(place: Place, reservation: Answer, act: str, **body: str) -> Answer:
    shop = place.shop
    token = await shop.key("settle") if act == "confirm" else shop.token("bob")
    path = f"{reservation.headers['location']}/{act}"
    return await shop.send("POST", path, token=token, body=body or None)


async def bought(shop: KeptShop, sale_id: str, customer: str) -> Answer:
    """A reservation that the ledger has."""
    answer = await shop.buy(sale_id, customer)

    async def is_read() -> bool:
        rows = await shop.servers.database.rows("select id from reservation")
        return answer.body["id"] in {str(row["id"]) for row in rows}

    await until_true(is_read)
    return answer


async def has_left(shop: KeptShop, sale_id: str, units: int) -> bool:
    return await shop.stock(sale_id) == {"LAMP-1": units}
