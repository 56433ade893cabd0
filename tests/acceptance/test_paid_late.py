"""Pain 3: paid after the hold lapsed. The same is bought again, or the money goes back for good."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from buyer import Answer
from kept_shop import KeptShop, is_problem, keeping_shop, until_true
from ledger_proxy import NEVER, ledger_proxy
from purchase import Till, bought

from gateway.admission.reservation_id import replacement_of
from lua import keys

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale_id(shop: KeptShop) -> AsyncIterator[str]:
    """One sale for most; whatever the tests did in it, the books are right at the end."""
    sale_id = await shop.sell(10_000, limit=3)
    yield sale_id
    await shop.audited(sale_id)


@pytest_asyncio.fixture(loop_scope="module")
async def expired(shop: KeptShop, settle_key: str, sale_id: str) -> Till:
    """Three LAMP-1, as many as a customer may have; their hold is over."""
    till = await bought(shop, settle_key, sale_id, 3)
    await till.expire()
    return till


def bought_again(answer: Answer, bought: dict[str, Any]) -> str:
    """Assert that the answer shows the same as bought, in another reservation, paid; its id."""
    assert answer.status == 200, answer
    new = answer.body
    assert new["id"] != bought["id"]
    assert new["state"] == "paid"
    assert new["version"] > bought["version"]
    for member in ("sale_id", "lines", "total", "currency"):
        assert new[member] == bought[member], member
    return str(new["id"])


def refunded(answers: Iterable[Answer], code: str = "reservation-expired") -> bool:
    """Assert that each says so."""
    return all(
        is_problem(answer, 409, code) and answer.body["refund_required"] is True
        for answer in answers
    )


async def of_the_customer(till: Till) -> dict[str, str]:
    """The customer's reservations, by id, and their states."""
    answer = await till.shop.send("GET", "/v1/reservations", token=till.token)
    return {each["id"]: each["state"] for each in answer.body["items"]}


# What can be had again


async def test_a_payment_after_expiry_buys_the_same_again(expired: Till) -> None:
    """At the customer's limit, which the expired hold was at: it does not count any more."""
    new = bought_again(await expired.confirm("late"), expired.bought)
    for _ in range(2):
        assert bought_again(await expired.confirm("late"), expired.bought) == new
    old = (await expired.read()).body
    assert (old["state"], old["replaced_by"]) == ("expired", new)
    assert await of_the_customer(expired) == {expired.bought["id"]: "expired", new: "paid"}
    assert refunded([await expired.confirm("another")])
    assert is_problem(await expired.release(), 409, "reservation-expired")


async def test_what_replaced_it_is_a_reservation_like_any_other(expired: Till) -> None:
    new = bought_again(await expired.confirm("late"), expired.bought)
    expired.path = f"/v1/reservations/{new}"
    assert (await expired.read()).body["state"] == "paid"
    assert (await expired.confirm("late")).status == 200
    assert is_problem(await expired.confirm("another"), 409, "already-paid")
    assert is_problem(await expired.release(), 409, "already-paid")


async def test_the_end_of_a_sale_does_not_keep_a_late_payment_out(
    shop: KeptShop, settle_key: str
) -> None:
    sale_id = await shop.sell(5)
    till = await bought(shop, settle_key, sale_id)
    await shop.act(sale_id, "close")
    assert is_problem(await shop.buy(sale_id, "tom"), 409, "sale-closed")
    await till.expire()
    bought_again(await till.confirm("late"), till.bought)
    await shop.audited(sale_id)


# What cannot, for good


async def test_sold_out_meanwhile_is_refunded_for_good(shop: KeptShop, settle_key: str) -> None:
    sale_id = await shop.sell(1)
    till = await bought(shop, settle_key, sale_id)
    await till.expire()

    async def is_taken() -> bool:
        return (await shop.buy(sale_id, "tom")).status == 201

    await until_true(is_taken)
    assert refunded([await till.confirm("late")])
    await shop.grant(sale_id, 5)
    assert refunded([await till.confirm(reference) for reference in ("late", "late", "another")])
    assert await of_the_customer(till) == {till.bought["id"]: "expired"}
    assert await shop.stock(sale_id) == {"LAMP-1": 5}
    await shop.audited(sale_id)


async def test_a_customer_who_bought_again_meanwhile_is_refunded(
    shop: KeptShop, expired: Till
) -> None:
    await until_true(expired.is_given_back)
    again = await bought(shop, expired.settle_key, expired.bought["sale_id"], 1, expired.customer)
    assert refunded([await expired.confirm("late")])
    await again.release()
    assert refunded([await expired.confirm("late")])


async def test_a_paused_sale_refunds_for_good(shop: KeptShop, settle_key: str) -> None:
    sale_id = await shop.sell(5)
    till = await bought(shop, settle_key, sale_id)
    await till.expire()
    await shop.act(sale_id, "pause")
    assert refunded([await till.confirm("late")])
    await shop.act(sale_id, "resume")
    assert refunded([await till.confirm("late")])


async def test_a_price_that_has_moved_is_not_what_was_paid(shop: KeptShop, settle_key: str) -> None:
    sale_id = await shop.sell(5)
    till = await bought(shop, settle_key, sale_id)
    await till.expire()
    record = keys.record(sale_id)
    await shop.servers.redis.command("HSET", record, "price:LAMP-1", 1000)
    assert refunded([await till.confirm("late")])


async def test_what_was_released_is_not_revived(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    till = await bought(shop, settle_key, sale_id)
    await till.release()
    answers = [await till.confirm(reference) for reference in ("late", "late", "another")]
    assert refunded(answers, "reservation-released")
    assert "replaced_by" not in (await till.read()).body


# Many at once, and what is left in the middle


async def test_of_many_confirms_of_two_payments_one_payment_pays_once(expired: Till) -> None:
    references = ["late-1", "late-2"] * 8
    answers = await asyncio.gather(*(expired.confirm(reference) for reference in references))
    told = list(zip(references, answers, strict=True))
    (payer,) = {reference for reference, answer in told if answer.status == 200}
    (new,) = {
        bought_again(answer, expired.bought) for reference, answer in told if reference == payer
    }
    assert refunded(answer for reference, answer in told if reference != payer)
    assert await of_the_customer(expired) == {expired.bought["id"]: "expired", new: "paid"}


async def test_what_was_admitted_and_not_finished_is_finished_by_the_next_confirm(
    shop: KeptShop, expired: Till
) -> None:
    sale_id = expired.bought["sale_id"]
    await until_true(expired.is_given_back)
    before = (await shop.stock(sale_id))["LAMP-1"]
    with shop.frozen("reconciler-1"):
        for _ in range(2):
            assert is_problem(await expired.confirm("late"), 503, "ledger-behind")
        assert (await shop.stock(sale_id))["LAMP-1"] == before - 3
        assert refunded([await expired.confirm("another")])
    new = bought_again(await expired.confirm("late"), expired.bought)
    assert await of_the_customer(expired) == {expired.bought["id"]: "expired", new: "paid"}
    assert (await shop.stock(sale_id))["LAMP-1"] == before - 3


async def test_what_nobody_finishes_expires_and_is_refunded_from_then_on(
    shop: KeptShop, settle_key: str
) -> None:
    sale_id = await shop.sell(3)
    till = await bought(shop, settle_key, sale_id, 3)
    await till.expire()
    await until_true(till.is_given_back)
    with shop.frozen("reconciler-1"):
        assert is_problem(await till.confirm("late"), 503, "ledger-behind")
    unfinished = till.another(str(replacement_of(UUID(till.bought["id"]), sale_id)))
    await unfinished.expire()
    assert refunded([await till.confirm("late") for _ in range(2)])
    states = {till.bought["id"]: "expired", unfinished.bought["id"]: "expired"}
    assert await of_the_customer(till) == states
    await until_true(unfinished.is_given_back)
    assert await shop.stock(sale_id) == {"LAMP-1": 3}
    await shop.audited(sale_id)


# Whichever answer of the ledger is lost


@pytest.mark.proof
async def test_a_lost_answer_to_a_commit_changes_nothing_of_what_is_told_in_the_end(
    shop: KeptShop, settle_key: str, short_folder: Path
) -> None:
    url = shop.settings["DOORBUSTER_DATABASE_URL"]
    async with ledger_proxy(short_folder, url) as proxy:
        settings = shop.settings | {"DOORBUSTER_DATABASE_URL": proxy.url}
        async with keeping_shop(settings, short_folder, reconcilers=0) as behind:
            for is_paused in (False, True):
                sale_id = await shop.sell(100)
                tills = [await bought(shop, settle_key, sale_id) for _ in range(6)]
                await asyncio.gather(*(till.expire() for till in tills))
                if is_paused:
                    await shop.act(sale_id, "pause")
                for number, till in enumerate(tills):
                    await until_true(till.is_given_back)
                    till.shop = behind
                    proxy.lose_commit(number)
                    first = await till.confirm("late")
                    proxy.lose_commit(NEVER)
                    again = await till.confirm("late")
                    assert refunded([again]) if is_paused else bought_again(again, till.bought)
                    if first.status != 503:
                        assert (first.status, first.body.get("id")) == (
                            again.status,
                            again.body.get("id"),
                        )
                await shop.audited(sale_id)
            # At least the claim, the look for an earlier attempt, and the last word; of each kind.
            assert proxy.lost >= 6
