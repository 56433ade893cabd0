"""A reservation from its 201 to its end: read, paid, released, expired."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from buyer import Answer
from kept_shop import KeptShop, is_problem, until_true
from purchase import Till, as_bought, bought
from watcher import watching

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale_id(shop: KeptShop) -> AsyncIterator[str]:
    """One sale for all; whatever the tests did in it, the books are right at the end."""
    sale_id = await shop.sell(10_000)
    yield sale_id
    await shop.audited(sale_id)


@pytest_asyncio.fixture(loop_scope="module")
async def till(shop: KeptShop, settle_key: str, sale_id: str) -> Till:
    """A customer who has bought one LAMP-1 a moment ago."""
    return await bought(shop, settle_key, sale_id)


# Read


async def test_a_reservation_is_there_from_the_moment_of_its_201(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    for _ in range(10):
        till = await bought(shop, settle_key, sale_id)
        assert as_bought(await till.read(), till.bought, "held")
    await until_true(till.is_in_the_ledger)
    assert as_bought(await till.read(), till.bought, "held")


async def test_a_reservation_is_there_while_nobody_writes_the_ledger(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    with shop.frozen("reconciler-1"):
        till = await bought(shop, settle_key, sale_id)
        assert not await till.is_in_the_ledger()
        assert as_bought(await till.read(), till.bought, "held")
        assert as_bought(await till.read(settle_key), till.bought, "held")
        assert is_problem(await till.read(shop.token("tom")), 404, "unknown-reservation")
    await until_true(till.is_in_the_ledger)
    assert as_bought(await till.read(), till.bought, "held")


async def test_a_new_sales_first_reservation_is_there_while_nobody_writes_the_ledger(
    shop: KeptShop, settle_key: str
) -> None:
    """Where the gateway has never looked the sale up in the ledger."""
    sale_id = await shop.sell(1)
    with shop.frozen("reconciler-1"):
        till = await bought(shop, settle_key, sale_id)
        assert as_bought(await till.read(), till.bought, "held")


async def test_a_reservation_is_its_owners_and_the_shops(shop: KeptShop, till: Till) -> None:
    assert as_bought(await till.read(till.settle_key), till.bought, "held")
    assert as_bought(await till.read(await shop.key("admin")), till.bought, "held")
    stranger = shop.token("tom")
    assert is_problem(await till.read(stranger), 404, "unknown-reservation")
    assert is_problem(await till.release(stranger), 404, "unknown-reservation")
    assert is_problem(await till.confirm(token=stranger), 403, "forbidden")
    assert is_problem(await till.confirm(token=till.token), 403, "forbidden")
    for token in ("dbk_unknown", "no token"):
        for act in (till.read, till.release):
            assert is_problem(await act(token), 401, "unauthenticated")
        assert is_problem(await till.confirm(token=token), 401, "unauthenticated")
    assert as_bought(await till.read(), till.bought, "held")


async def test_what_does_not_exist_is_unknown_to_everybody(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    till = await bought(shop, settle_key, sale_id)
    # The first four bytes tell the sale, so that Redis is asked as well.
    till.path = f"{till.path[:-4]}0000"
    assert is_problem(await till.read(), 404, "unknown-reservation")
    assert is_problem(await till.read(settle_key), 404, "unknown-reservation")
    assert is_problem(await till.release(), 404, "unknown-reservation")
    assert is_problem(await till.confirm(), 404, "unknown-reservation")


async def test_customers_page_through_their_own_reservations(
    shop: KeptShop, settle_key: str
) -> None:
    sale_id = await shop.sell()
    token, mine = shop.token("mia"), []
    for _ in range(5):
        till = Till(shop, settle_key, await shop.buy(sale_id, "mia"), "mia")
        mine.insert(0, till.bought["id"])
    await bought(shop, settle_key, sale_id)
    await until_true(till.is_in_the_ledger)

    path, pages = "/v1/reservations?limit=2", []
    while path:
        page = await shop.send("GET", path, token=token)
        assert page.status == 200
        pages.append([item["id"] for item in page.body["items"]])
        path = page.body["next"]
    assert pages == [mine[:2], mine[2:4], mine[4:]]
    everything = await shop.send("GET", "/v1/reservations", token=token)
    assert [item["id"] for item in everything.body["items"]] == mine
    assert everything.body["next"] is None
    assert as_bought(
        Answer(status=200, headers=everything.headers, body=everything.body["items"][0]),
        till.bought,
        "held",
    )

    foreign = await shop.send("GET", f"/v1/reservations?after={mine[0]}", token=shop.token("tom"))
    assert is_problem(foreign, 404, "unknown-reservation")
    nothing = await shop.send("GET", "/v1/reservations", token=shop.token("nobody"))
    assert nothing.body == {"items": [], "next": None}
    refused = await shop.send("GET", "/v1/reservations", token=settle_key)
    assert is_problem(refused, 403, "forbidden")


async def test_customers_find_their_own_by_state_and_sale(shop: KeptShop, settle_key: str) -> None:
    sales = [await shop.sell(), await shop.sell()]
    tills = [
        Till(shop, settle_key, await shop.buy(sale_id, "zoe"), "zoe")
        for sale_id in (*sales, *sales)
    ]
    await tills[3].confirm()
    await tills[2].release()

    async def found(query: str) -> list[str]:
        page = await shop.send("GET", f"/v1/reservations?{query}", token=shop.token("zoe"))
        assert page.status == 200, page
        ids = [item["id"] for item in page.body["items"]]
        following = page.body["next"]
        return ids + (await found(following.partition("?")[2]) if following else [])

    first, second, released, paid = (till.bought["id"] for till in tills)
    await until_true(tills[1].is_in_the_ledger)
    assert await found("state=held&limit=1") == [second, first]
    assert await found(f"sale_id={sales[0]}&limit=1") == [released, first]
    assert await found(f"sale_id={sales[1]}&state=paid") == [paid]
    assert await found("state=expired") == []
    assert await found("sale_id=nowhere") == []
    for query in ("state=lost", "sale_id=no+id"):
        refused = await shop.send("GET", f"/v1/reservations?{query}", token=shop.token("zoe"))
        assert is_problem(refused, 422, "invalid")


# Paid


async def test_a_reservation_can_be_paid_right_after_its_201(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    for _ in range(5):
        till = await bought(shop, settle_key, sale_id)
        assert as_bought(await till.confirm(), till.bought, "paid")
        assert as_bought(await till.read(), till.bought, "paid")


async def test_the_same_payment_may_be_told_again_and_another_is_refunded(till: Till) -> None:
    for _ in range(2):
        assert as_bought(await till.confirm("p-1"), till.bought, "paid")
    for _ in range(2):
        other = await till.confirm("p-2")
        assert is_problem(other, 409, "already-paid")
        assert other.body["refund_required"] is True
    assert as_bought(await till.confirm("p-1"), till.bought, "paid")


async def test_of_payments_that_arrive_together_one_pays(till: Till) -> None:
    references = [f"p-{number % 5}" for number in range(20)]
    answers = await asyncio.gather(*(till.confirm(reference) for reference in references))
    paid = {
        reference
        for reference, answer in zip(references, answers, strict=True)
        if answer.status == 200
    }
    assert len(paid) == 1
    assert sum(answer.status == 200 for answer in answers) == 4
    for answer in answers:
        if answer.status != 200:
            assert is_problem(answer, 409, "already-paid")
            assert answer.body["refund_required"] is True


async def test_many_reservations_can_be_paid_at_once(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    tills = await asyncio.gather(*(bought(shop, settle_key, sale_id) for _ in range(100)))
    answers = await asyncio.gather(*(till.confirm(till.bought["id"]) for till in tills))
    for till, answer in zip(tills, answers, strict=True):
        assert as_bought(answer, till.bought, "paid")


async def test_an_admin_key_may_settle(shop: KeptShop, till: Till) -> None:
    assert as_bought(await till.confirm(token=await shop.key("admin")), till.bought, "paid")


async def test_what_is_paid_stays_paid(till: Till) -> None:
    await till.confirm()
    for token in (till.token, till.settle_key):
        assert is_problem(await till.release(token), 409, "already-paid")
    assert as_bought(await till.read(), till.bought, "paid")


async def test_paying_while_nobody_writes_the_ledger_is_put_off_soon(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    with shop.frozen("reconciler-1"):
        till = await bought(shop, settle_key, sale_id)
        for act in (till.confirm, till.release):
            began = time.monotonic()
            assert is_problem(await act(), 503, "ledger-behind")
            assert time.monotonic() - began < 2
    await until_true(till.is_in_the_ledger)
    assert as_bought(await till.confirm(), till.bought, "paid")


# Released


async def test_a_release_brings_the_units_back_once(shop: KeptShop, settle_key: str) -> None:
    sale_id = await shop.sell(5)
    till = await bought(shop, settle_key, sale_id, 3)
    assert await shop.stock(sale_id) == {"LAMP-1": 2}
    for token in (till.token, till.token, till.settle_key):
        assert as_bought(await till.release(token), till.bought, "released")
    await until_true(lambda: has_units(shop, sale_id, 5))
    assert as_bought(await till.release(), till.bought, "released")
    assert as_bought(await till.read(), till.bought, "released")
    await shop.audited(sale_id)
    assert await shop.stock(sale_id) == {"LAMP-1": 5}


async def test_a_reservation_can_be_released_right_after_its_201(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    for _ in range(5):
        till = await bought(shop, settle_key, sale_id)
        assert as_bought(await till.release(), till.bought, "released")


async def test_of_a_payment_and_a_release_that_arrive_together_one_wins(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    for _ in range(10):
        till = await bought(shop, settle_key, sale_id)
        paid, released = await asyncio.gather(till.confirm(), till.release())
        assert sorted([paid.status, released.status]) == [200, 409]
        winner, loser = (paid, released) if paid.status == 200 else (released, paid)
        assert is_problem(loser, 409, "already-paid" if winner is paid else "reservation-released")
        assert as_bought(await till.read(), till.bought, winner.body["state"])
        assert loser is released or loser.body["refund_required"] is True


async def test_a_payment_after_a_release_is_refunded_for_good(till: Till) -> None:
    await till.release()
    for reference in ("p-1", "p-1", "p-2"):
        answer = await till.confirm(reference)
        assert is_problem(answer, 409, "reservation-released")
        assert answer.body["refund_required"] is True
    assert as_bought(await till.read(), till.bought, "released")


# Expired


async def test_an_unpaid_hold_expires_and_whoever_watches_sees_its_units_again(
    shop: KeptShop, settle_key: str
) -> None:
    sale_id = await shop.sell(5, hold_seconds=1)
    async with watching(shop.address, sale_id) as watcher:
        till = await bought(shop, settle_key, sale_id, 3)
        await watcher.until_left(2)
        await watcher.until_left(5, seconds=5)
        assert watcher.left == [5, 2, 5]

    assert as_bought(await till.read(), till.bought, "expired")
    assert is_problem(await till.release(), 409, "reservation-expired")
    assert as_bought(await till.read(), till.bought, "expired")
    assert await shop.stock(sale_id) == {"LAMP-1": 5}
    await shop.audited(sale_id)


async def test_a_paid_hold_does_not_expire(shop: KeptShop, settle_key: str) -> None:
    sale_id = await shop.sell(5, hold_seconds=1)
    paid = await bought(shop, settle_key, sale_id, 2)
    assert (await paid.confirm()).status == 200
    # Its neighbour, which was bought later and is not paid, tells when its time is over.
    await bought(shop, settle_key, sale_id, 3)
    await until_true(lambda: has_units(shop, sale_id, 3))
    assert as_bought(await paid.read(), paid.bought, "paid")
    await shop.audited(sale_id)


async def has_units(shop: KeptShop, sale_id: str, units: int) -> bool:
    return await shop.stock(sale_id) == {"LAMP-1": units}
