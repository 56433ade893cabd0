"""What an operator does over HTTP: products, sales, states and units."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from buyer import Answer
from kept_shop import KeptShop, is_problem
from operator_desk import OperatorDesk, lamps

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(shop: KeptShop) -> OperatorDesk:
    return OperatorDesk(shop=shop, key=await shop.key("admin"))


def a_sku() -> str:
    return f"SKU-{uuid4().hex[:8]}"


# Who may


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/admin/products/LAMP-1"),
        ("PUT", "/v1/admin/products/LAMP-1"),
        ("PATCH", "/v1/admin/products/LAMP-1"),
        ("POST", "/v1/admin/sales"),
        ("GET", "/v1/admin/sales"),
        ("GET", "/v1/admin/sales/x"),
        ("PATCH", "/v1/admin/sales/x"),
        ("POST", "/v1/admin/sales/x/open"),
        ("POST", "/v1/admin/sales/x/close"),
        ("POST", "/v1/admin/sales/x/items/LAMP-1/grants"),
    ],
)
async def test_only_a_key_of_scope_admin_administers(
    shop: KeptShop, method: str, path: str
) -> None:
    assert is_problem(await shop.send(method, path), 401, "unauthenticated")
    customer, till = shop.token("ada"), await shop.key("settle")
    for token in (customer, till):
        assert is_problem(await shop.send(method, path, token=token), 403, "forbidden")


# Products


async def test_a_product_is_created_once_and_changed_by_who_has_seen_it(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    sku, lamp = a_sku(), {"name": "Lamp", "price": 1999, "description": "It shines."}
    created = await desk.send("PUT", f"/products/{sku}", lamp)
    assert (created.status, created.headers["location"]) == (201, f"/v1/products/{sku}")
    shown = await shop.send("GET", f"/v1/products/{sku}")
    assert shown.body == {"sku": sku, "image_url": None, **lamp} == created.body
    assert shown.headers["etag"] == created.headers["etag"]

    unseen = await desk.send("PUT", f"/products/{sku}", lamp)
    assert is_problem(unseen, 428, "precondition-required")
    again = await desk.send("PUT", f"/products/{sku}", lamp, if_none_match="*")
    assert is_problem(again, 412, "precondition-failed")
    changed = await desk.send(
        "PATCH", f"/products/{sku}", {"price": 999}, if_match=created.headers["etag"]
    )
    assert (changed.status, changed.body) == (200, {**created.body, "price": 999})
    late = await desk.send(
        "PATCH", f"/products/{sku}", {"price": 1}, if_match=created.headers["etag"]
    )
    assert is_problem(late, 412, "precondition-failed")
    whole = await desk.change(f"/products/{sku}", {"price": 5}, "PUT")
    assert whole.body == {
        "sku": sku, "name": sku, "price": 5, "description": None, "image_url": None
    }  # fmt: skip
    actor = (await desk.acts(sku))[0][0]
    assert await desk.acts(sku) == [
        (actor, "product.create"), (actor, "product.change"), (actor, "product.change")
    ]  # fmt: skip


async def test_of_two_who_change_a_product_at_once_one_is_told(desk: OperatorDesk) -> None:
    sku = a_sku()
    etag = (await desk.send("PUT", f"/products/{sku}", {"price": 1})).headers["etag"]
    answers = await asyncio.gather(
        *(
            desk.send("PATCH", f"/products/{sku}", {"price": price}, if_match=etag)
            for price in (2, 3)
        )
    )
    assert sorted(each.status for each in answers) == [200, 412]


async def test_a_product_that_cannot_be_is_refused(desk: OperatorDesk) -> None:
    sku = a_sku()
    for body, pointer in [
        ({"price": -1}, "/price"),
        ({"price": 1, "colour": "red"}, "/colour"),
        ({"price": 1, "image_url": "javascript:x"}, "/image_url"),
        ({}, "/price"),
    ]:
        answer = await desk.send("PUT", f"/products/{sku}", body)
        assert is_problem(answer, 422, "invalid")
        assert [each["pointer"] for each in answer.body["errors"]] == [pointer]
    assert is_problem(await desk.get(f"/products/{sku}"), 404, "unknown-sku")
    nothing = await desk.send("PATCH", f"/products/{sku}", {"price": 1}, if_match='"x"')
    assert is_problem(nothing, 404, "unknown-sku")


# Sales


async def test_a_sale_is_created_once_and_nobody_sees_a_draft(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    sale: dict[str, Any] = {"id": f"sale-{uuid4().hex[:12]}", "items": [lamps(10)]}
    created = await desk.send("POST", "/sales", sale)
    assert (created.status, created.body["state"]) == (201, "draft")
    path = created.headers["location"].removeprefix("/v1/admin")
    assert (await desk.get(path)).body == created.body
    again = await desk.send("POST", "/sales", sale)
    assert (again.status, again.body) == (200, created.body)
    other = await desk.send("POST", "/sales", {**sale, "name": "another"})
    assert is_problem(other, 409, "sale-exists")

    public = f"/v1/sales/{sale['id']}"
    for path in (public, f"{public}/stock", f"{public}/events"):
        assert is_problem(await shop.send("GET", path), 404, "unknown-sale")
    listed = await shop.send("GET", "/v1/sales?limit=100")
    assert sale["id"] not in {each["id"] for each in listed.body["items"]}
    drafts = await desk.get("/sales?state=draft")
    assert sale["id"] in {each["id"] for each in drafts.body["items"]}


async def test_a_sale_is_held_against_the_rules_of_its_file(desk: OperatorDesk) -> None:
    sale = {"id": "a b", "items": [{**lamps(1), "price": 1.5}], "colour": "red"}
    answer = await desk.send("POST", "/sales", sale)
    assert is_problem(answer, 422, "invalid")
    assert {each["pointer"] for each in answer.body["errors"]} == {
        "/id", "/items/0/price", "/colour"
    }  # fmt: skip
    large = {"id": "large", "items": [{**lamps(1), "sku": f"S-{n}"} for n in range(501)]}
    assert is_problem(await desk.send("POST", "/sales", large), 422, "invalid")


@pytest.mark.parametrize("closes_at", [0, 1.0, "2020-01-01T00:00:00Z", "2026-11-27", "tomorrow"])
async def test_a_sale_ends_at_a_time_to_come(desk: OperatorDesk, closes_at: object) -> None:
    sale = {"id": "over", "items": [lamps(1)], "closes_at": closes_at}
    assert is_problem(await desk.send("POST", "/sales", sale), 422, "invalid")


async def test_a_draft_changes_freely(shop: KeptShop, desk: OperatorDesk) -> None:
    sale_id = await desk.draft(hold_seconds=60)
    closes_at = "2999-01-01T00:00:00.000Z"
    mugs = {"sku": "MUG", "price": 790, "units": 3, "limit_per_customer": 1}
    changed = await desk.change(
        f"/sales/{sale_id}",
        {
            "name": "Friday", "closes_at": closes_at, "currency": "CHF", "hold_seconds": 90,
            "items": [lamps(4), mugs],
        },
    )  # fmt: skip
    assert changed.status == 200, changed
    assert (changed.body["name"], changed.body["closes_at"]) == ("Friday", closes_at)
    assert [(each["sku"], each["units"]) for each in changed.body["items"]] == [
        ("LAMP-1", 4), ("MUG", 3)
    ]  # fmt: skip
    contradiction = await desk.change(
        f"/sales/{sale_id}", {"opens_at": closes_at, "closes_at": "2998-01-01T00:00:00Z"}
    )
    assert is_problem(contradiction, 422, "invalid")
    dropped = await desk.change(f"/sales/{sale_id}", {"items": [mugs], "closes_at": None})
    assert (len(dropped.body["items"]), dropped.body["closes_at"]) == (1, None)

    assert (await desk.send("POST", f"/sales/{sale_id}/open")).status == 200
    assert await shop.stock(sale_id) == {"MUG": 3}
    assert (await shop.buy(sale_id, "ada", {"MUG": 1})).body["currency"] == "CHF"
    await shop.audited(sale_id)


async def test_of_an_opened_sale_name_and_window_change_and_nothing_else(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    sale_id = await desk.open()
    path = f"/sales/{sale_id}"
    for change in (
        {"hold_seconds": 5}, {"currency": "CHF"}, {"items": [lamps(11)]},
        {"items": [lamps(10, limit_per_customer=1)]}, {"items": [{**lamps(10), "price": 1}]},
    ):  # fmt: skip
        answer = await desk.change(path, change)
        assert is_problem(answer, 409, "not-changeable"), change
        assert answer.body["fields"] == list(change)
    opens_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    whole = {**(await desk.get(path)).body, "name": "Later", "opens_at": opens_at}
    del whole["id"], whole["state"]
    changed = await desk.change(path, whole)
    assert (changed.status, changed.body["name"]) == (200, "Later")
    refused = await shop.buy(sale_id, "ada")
    assert is_problem(refused, 409, "sale-not-open")
    assert 3500 < int(refused.headers["retry-after"]) <= 3600
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert (await desk.change(path, {"opens_at": past})).status == 200
    assert (await shop.buy(sale_id, "ada")).status == 201
    assert (await shop.send("GET", f"/v1/sales/{sale_id}/stock")).body["state"] == "open"
    await shop.audited(sale_id)


async def test_a_limit_is_a_persons_and_stays_whatever_is_granted(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    """Limits per order, or in the browser, are what users of other systems suffer from."""
    sale_id = await desk.open(items=[lamps(10, limit_per_customer=2)])
    assert (await shop.buy(sale_id, "ada", 1)).status == 201
    assert (await desk.grant(sale_id, 90, key="more")).status == 201
    assert (await shop.buy(sale_id, "ada", 1)).status == 201
    over = await shop.buy(sale_id, "ada", 1)
    assert is_problem(over, 409, "purchase-limit-exceeded")
    more = await desk.change(f"/sales/{sale_id}", {"items": [lamps(100, limit_per_customer=5)]})
    assert is_problem(more, 409, "not-changeable")
    assert is_problem(await shop.buy(sale_id, "ada", 1), 409, "purchase-limit-exceeded")
    assert (await shop.buy(sale_id, "bo", 2)).status == 201


async def test_a_closed_sale_never_opens_again(shop: KeptShop, desk: OperatorDesk) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
    by_the_clock = await desk.open(closes_at=soon)
    by_hand = await desk.open()
    over = await desk.change(f"/sales/{by_hand}", {"closes_at": "2020-01-01T00:00:00Z"})
    assert is_problem(over, 422, "invalid") or over.status == 409
    assert (await desk.send("POST", f"/sales/{by_hand}/close")).status == 200
    while (await shop.send("GET", f"/v1/sales/{by_the_clock}")).body["state"] != "closed":
        await asyncio.sleep(0.05)
    for sale_id in (by_the_clock, by_hand):
        answer = await desk.change(f"/sales/{sale_id}", {"closes_at": "2999-01-01T00:00:00Z"})
        assert is_problem(answer, 409, "wrong-state")
        assert (await desk.change(f"/sales/{sale_id}", {"name": "Over"})).status == 200


async def test_who_has_not_seen_a_sale_does_not_change_it(desk: OperatorDesk) -> None:
    sale_id = await desk.draft()
    path = f"/sales/{sale_id}"
    assert is_problem(await desk.send("PATCH", path, {}), 428, "precondition-required")
    etag = (await desk.get(path)).headers["etag"]
    assert (await desk.send("PATCH", path, {"name": "One"}, if_match=etag)).status == 200
    for tag in (etag, f"W/{etag}", '"x"'):
        answer = await desk.send("PATCH", path, {"name": "Two"}, if_match=tag)
        assert is_problem(answer, 412, "precondition-failed")
    assert (await desk.send("PATCH", path, {"name": "Two"}, if_match="*")).status == 200
    unknown = await desk.send("PATCH", "/sales/nothing", {"name": "Two"}, if_match="*")
    assert is_problem(unknown, 404, "unknown-sale")


async def test_every_act_may_be_told_again(shop: KeptShop, desk: OperatorDesk) -> None:
    sale_id = await desk.draft()
    for act, state, code in [
        ("open", "open", None),
        ("pause", "paused", "sale-paused"),
        ("resume", "open", None),
        ("close", "closed", "sale-closed"),
    ]:
        for _ in range(2):
            answer = await desk.send("POST", f"/sales/{sale_id}/{act}")
            assert (answer.status, answer.body["state"]) == (200, state)
        bought = await shop.buy(sale_id, f"ada-{act}")
        assert bought.status == 201 if code is None else is_problem(bought, 409, code)
    answer = await desk.send("POST", f"/sales/{sale_id}/open")
    assert is_problem(answer, 409, "wrong-state")
    assert is_problem(await desk.send("POST", "/sales/nothing/open"), 404, "unknown-sale")
    assert [what for _, what in await desk.acts(sale_id)] == [
        "sale.create", "sale.open", "sale.pause", "sale.resume", "sale.close"
    ]  # fmt: skip


# Units


async def test_stock_changes_by_a_difference_with_a_reason_once_for_a_key(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    sale_id = await desk.open()
    assert (await shop.buy(sale_id, "ada", 4)).status == 201
    for delta, left in [(5, 11), (-3, 8)]:
        first = await desk.grant(sale_id, delta, key=f"k{delta}")
        assert (first.status, first.body["state"], first.body["delta"]) == (201, "done", delta)
        again = await desk.grant(sale_id, delta, key=f"k{delta}")
        assert (again.status, again.headers["idempotency-replayed"]) == (200, "true")
        assert await shop.stock(sale_id) == {"LAMP-1": left}
    reused = await desk.grant(sale_id, -5, key="k5")
    assert is_problem(reused, 422, "idempotency-key-reused")
    elsewhere = await desk.open()
    assert (await desk.grant(elsewhere, 5, key="k5")).status == 201
    too_many = await desk.grant(sale_id, -9, key="all")
    assert is_problem(too_many, 409, "insufficient-stock")
    assert too_many.body["lines"] == [{"sku": "LAMP-1", "available": 8}]
    assert await shop.stock(sale_id) == {"LAMP-1": 8}
    await shop.audited(sale_id)
    acts = (await desk.get(f"/acts?subject={sale_id}&limit=2")).body["items"]
    assert [(each["what"], each["detail"]) for each in acts] == [
        ("units.lower", {"sku": "LAMP-1", "delta": -3, "reason": "a pallet"}),
        ("units.grant", {"sku": "LAMP-1", "delta": 5, "reason": "a pallet"}),
    ]


async def test_of_lowering_and_buying_the_last_units_one_comes_first(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    """Whoever wins, no counter drifts or goes below nothing, and the audit finds nothing."""
    sales = [await desk.open(items=[lamps(3)]) for _ in range(3)]
    for sale_id in sales:
        answers = await asyncio.gather(
            desk.grant(sale_id, -2, key="less"),
            *(shop.buy(sale_id, f"customer-{number}") for number in range(3)),
            desk.grant(sale_id, -2, key="and-less"),
        )
        taken = sum((2 if "delta" in each.body else 1) for each in answers if each.status == 201)
        assert all(each.status == 201 or is_refused(each) for each in answers)
        assert await shop.stock(sale_id) == {"LAMP-1": 3 - taken}
        await shop.audited(sale_id)


def is_refused(answer: Answer) -> bool:
    return is_problem(answer, 409, "insufficient-stock")


async def test_a_crowd_that_says_the_same_grant_makes_one(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    sale_id = await desk.open()
    for delta, left in [(5, 15), (-5, 10)]:
        answers = await asyncio.gather(*(desk.grant(sale_id, delta, f"{delta}") for _ in range(8)))
        assert {each.status for each in answers} <= {200, 201}
        assert await shop.stock(sale_id) == {"LAMP-1": left}
    await shop.audited(sale_id)


async def test_a_draft_is_lowered_too(desk: OperatorDesk) -> None:
    sale_id = await desk.draft()
    assert (await desk.grant(sale_id, -4, key="less")).status == 201
    short = await desk.grant(sale_id, -7, key="none")
    assert is_problem(short, 409, "insufficient-stock")
    assert short.body["lines"] == [{"sku": "LAMP-1", "available": 6}]
    assert (await desk.get(f"/sales/{sale_id}")).body["items"][0]["units"] == 6


async def test_a_grant_that_cannot_be_is_refused(desk: OperatorDesk) -> None:
    sale_id = await desk.draft()
    path = f"/sales/{sale_id}/items/LAMP-1/grants"
    body = {"delta": 1, "reason": "x"}
    assert is_problem(await desk.send("POST", path, body), 400, "malformed")
    for wrong in ({"delta": 0, "reason": "x"}, {"delta": 1}, {"delta": 10**10, "reason": "x"}):
        answer = await desk.send("POST", path, wrong, idempotency_key="k")
        assert is_problem(answer, 422, "invalid")
    unknown = await desk.grant(sale_id, 1, key="k", sku="MUG")
    assert is_problem(unknown, 404, "unknown-sku")
    assert is_problem(await desk.grant("nothing", 1, key="k"), 404, "unknown-sale")
