"""What an operator sees over HTTP: where units are, whose orders, what needs attention."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from buyer import Answer
from kept_shop import KeptShop, is_problem, until_true
from operator_desk import OperatorDesk

from lua import keys
from sql.alarms import AlarmKind, raise_alarm

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(shop: KeptShop) -> OperatorDesk:
    return OperatorDesk(shop=shop, key=await shop.key("admin"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def till(shop: KeptShop) -> AsyncIterator[str]:
    yield await shop.key("settle")


async def bought(shop: KeptShop, sale_id: str, customer: str, units: Any = 1) -> str:
    """The id of a reservation."""
    answer = await shop.buy(sale_id, customer, units)
    assert answer.status == 201, answer
    return str(answer.body["id"])


async def settle(shop: KeptShop, till: str, reservation: str, how: str) -> None:
    body = {"payment_reference": "p-1"} if how == "confirm" else None
    path = f"/v1/reservations/{reservation}/{how}"
    answer = await shop.send("POST", path, token=till, body=body)
    assert answer.status == 200, answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/admin/sales/x/availability"),
        ("GET", "/v1/admin/sales/x/audits"),
        ("POST", "/v1/admin/sales/x/audits"),
        ("GET", "/v1/admin/audits"),
        ("GET", "/v1/admin/sales/x/rebuild"),
        ("POST", "/v1/admin/sales/x/rebuild"),
        ("GET", "/v1/admin/reservations"),
        ("GET", "/v1/admin/reservations/00000000-0000-8000-8000-000000000000"),
        ("GET", "/v1/admin/keys"),
        ("POST", "/v1/admin/keys"),
        ("DELETE", "/v1/admin/keys/x"),
        ("GET", "/v1/admin/alarms"),
        ("POST", "/v1/admin/alarms/1/acknowledge"),
        ("GET", "/v1/admin/parked"),
        ("GET", "/v1/admin/parked/1"),
        ("POST", "/v1/admin/parked/1/retry"),
        ("POST", "/v1/admin/parked/1/discard"),
        ("GET", "/v1/admin/acts"),
    ],
)
async def test_only_an_operator_sees_it(shop: KeptShop, till: str, method: str, path: str) -> None:
    assert is_problem(await shop.send(method, path), 401, "unauthenticated")
    assert is_problem(await shop.send(method, path, token=till), 403, "forbidden")
    assert is_problem(await shop.send(method, path, token=shop.token("ada")), 403, "forbidden")


# Where units are


async def test_every_unit_is_in_one_place(shop: KeptShop, desk: OperatorDesk, till: str) -> None:
    """Counters that drift and go negative are what users of other systems suffer from."""
    sale_id = await desk.open()
    await bought(shop, sale_id, "ada", 1)
    paid = await bought(shop, sale_id, "bo", 2)
    released = await bought(shop, sale_id, "cy", 3)
    await settle(shop, till, paid, "confirm")
    await settle(shop, till, released, "release")
    assert (await desk.grant(sale_id, 5, key="more")).status == 201
    assert (await desk.grant(sale_id, -2, key="less")).status == 201

    async def is_settled() -> bool:
        return bool((await item())["returning"] == 0)

    async def item() -> dict[str, Any]:
        answer = await desk.get(f"/sales/{sale_id}/availability")
        assert answer.headers["cache-control"] == "no-store"
        (found,) = answer.body["items"]
        places = ("available", "held", "paid", "returning", "arriving")
        assert sum(found[place] for place in places) == found["granted"]
        return dict(found)

    await until_true(is_settled)
    assert await item() == {
        "sku": "LAMP-1", "name": "LAMP-1", "granted": 13, "available": 10, "held": 1, "paid": 2,
        "returning": 0, "arriving": 0, "available_now": 10,
    }  # fmt: skip
    whole = (await desk.get(f"/sales/{sale_id}/availability")).body
    assert (whole["state"], whole["proven"], whole["lag"]) == ("open", True, 0)


async def test_units_of_a_draft_are_on_their_way(desk: OperatorDesk) -> None:
    sale_id = await desk.draft()
    body = (await desk.get(f"/sales/{sale_id}/availability")).body
    assert (body["state"], body["proven"], body["lag"]) == ("draft", False, None)
    assert (body["items"][0]["arriving"], body["items"][0]["available_now"]) == (10, None)
    unknown = await desk.get("/sales/nothing/availability")
    assert is_problem(unknown, 404, "unknown-sale")


async def test_an_audit_is_made_when_it_is_asked_for_and_ends(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    """A check that never ends is what users of other systems suffer from: this one is bounded."""
    sale_id = await desk.open()
    await bought(shop, sale_id, "ada", 3)
    answer = await desk.send("POST", f"/sales/{sale_id}/audits")
    assert (answer.status, answer.body["outcome"]) == (200, "clean")
    assert answer.body["reservations"] == 1
    assert not any(finding["differ"] for finding in answer.body["findings"])
    listed = await desk.get(f"/sales/{sale_id}/audits?limit=1")
    assert listed.body["items"] == [answer.body]
    last = await desk.get("/audits")
    assert sale_id in {each["sale_id"] for each in last.body["items"]}
    draft = await desk.draft()
    assert is_problem(await desk.send("POST", f"/sales/{draft}/audits"), 409, "wrong-state")
    assert is_problem(await desk.send("POST", "/sales/nothing/audits"), 404, "unknown-sale")


async def test_a_rebuild_is_explained_and_then_done(shop: KeptShop, desk: OperatorDesk) -> None:
    sale_id = await desk.open()
    await bought(shop, sale_id, "ada", 3)
    await until_true(lambda: is_read(desk, sale_id))
    name = keys.record(sale_id)
    await shop.servers.redis.command("HSET", name, "available:LAMP-1", 9)  # two out of nowhere
    told = (await desk.get(f"/sales/{sale_id}/rebuild")).body
    assert told["items"] == [{"sku": "LAMP-1", "granted": 10, "active": 3, "before": 9, "after": 7}]
    assert (told["reservations"], told["redis_reservations"], told["unread"]) == (1, 1, 0)
    assert (await desk.get(f"/sales/{sale_id}/rebuild")).body == told, "it is only told"

    answer = await desk.send("POST", f"/sales/{sale_id}/rebuild")
    assert (answer.status, answer.body["epoch"]) == (200, told["epoch"] + 1)
    assert await shop.stock(sale_id) == {"LAMP-1": 7}
    await shop.audited(sale_id)
    acts = (await desk.get(f"/acts?subject={sale_id}")).body["items"]
    assert "sale.rebuild" in {act["what"] for act in acts}
    again = (await desk.get(f"/sales/{sale_id}/rebuild")).body
    assert [item["before"] == item["after"] for item in again["items"]] == [True]


async def is_read(desk: OperatorDesk, sale_id: str) -> bool:
    lag: object = (await desk.get(f"/sales/{sale_id}/availability")).body["lag"]
    return lag == 0


async def test_a_draft_is_not_rebuilt(desk: OperatorDesk) -> None:
    draft = f"/sales/{await desk.draft()}/rebuild"
    assert is_problem(await desk.get(draft), 409, "wrong-state")
    assert is_problem(await desk.send("POST", draft), 409, "wrong-state")
    assert is_problem(await desk.get("/sales/nothing/rebuild"), 404, "unknown-sale")


# Reservations


async def found(desk: OperatorDesk, query: str) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    path: str | None = f"/v1/admin/reservations?{query}"
    while path:
        answer = await desk.get(path.removeprefix("/v1/admin"))
        assert answer.status == 200, answer
        ids += [each["id"] for each in answer.body["items"]]
        path = answer.body["next"]
    return ids


async def test_reservations_are_found_by_sale_state_and_customer(
    shop: KeptShop, desk: OperatorDesk, till: str
) -> None:
    sale_id, other = await desk.open(), await desk.open()
    ada = f"ada-{uuid4().hex[:6]}"
    orders = [await bought(shop, sale_id, name) for name in (ada, "bo", ada, "cy", ada)]
    elsewhere = await bought(shop, other, ada)
    await settle(shop, till, orders[2], "confirm")
    await settle(shop, till, orders[1], "release")
    await until_true(lambda: is_known(desk, elsewhere))

    newest_first = orders[::-1]
    assert await found(desk, f"sale_id={sale_id}&limit=2") == newest_first
    assert await found(desk, f"sale_id={sale_id}&state=paid") == [orders[2]]
    assert await found(desk, f"sale_id={sale_id}&state=released") == [orders[1]]
    of_ada = [elsewhere, orders[4], orders[2], orders[0]]
    assert await found(desk, f"customer={ada}&limit=1") == of_ada
    assert await found(desk, f"customer={ada}&sale_id={sale_id}&state=held&limit=1") == [
        orders[4], orders[0]
    ]  # fmt: skip
    assert await found(desk, f"customer={ada}&issuer=somebody") == []
    assert await found(desk, "sale_id=nothing") == []


async def is_known(desk: OperatorDesk, reservation: str) -> bool:
    return (await desk.get(f"/reservations/{reservation}")).status == 200


async def test_a_reservation_shows_whose_it_is_and_what_paid_it(
    shop: KeptShop, desk: OperatorDesk, till: str
) -> None:
    reservation = await bought(shop, await desk.open(), "ada", 2)
    await settle(shop, till, reservation, "confirm")
    body = (await desk.get(f"/reservations/{reservation}")).body
    assert body["customer"] == {"issuer": "doorbuster", "subject": "ada"}
    assert (body["state"], body["payment_reference"], body["total"]) == ("paid", "p-1", 3998)
    assert body["settled_at"] >= body["created_at"]
    unknown = await desk.get(f"/reservations/{uuid4()}")
    assert is_problem(unknown, 404, "unknown-reservation")


async def test_a_search_that_cannot_be_is_refused(shop: KeptShop, desk: OperatorDesk) -> None:
    sale_id = await desk.open()
    elsewhere = await bought(shop, await desk.open(), "ada")
    await until_true(lambda: is_known(desk, elsewhere))
    for query in (
        "", "state=held", f"sale_id={sale_id}&state=gone", f"sale_id={sale_id}&after={uuid4()}",
        f"sale_id={sale_id}&after={elsewhere}", f"sale_id={sale_id}&after=x", "customer=",
        f"customer=bo&after={elsewhere}", "sale_id=a%20b", "customer=%00",
    ):  # fmt: skip
        assert is_problem(await desk.get(f"/reservations?{query}"), 422, "invalid"), query


# Keys


async def test_a_key_is_shown_once_and_good_until_it_is_revoked(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    name, path = f"till-{uuid4().hex[:8]}", f"/v1/reservations/{uuid4()}"
    made = await desk.send("POST", "/keys", {"name": name})
    assert (made.status, made.body["scope"]) == (201, "settle")
    assert made.headers["cache-control"] == "no-store"
    key = made.body["key"]
    assert is_problem(await shop.send("GET", path, token=key), 404, "unknown-reservation")
    assert is_problem(await desk.send("POST", "/keys", {"name": name}), 409, "key-exists")
    for wrong in ({"name": "a b"}, {"name": "x", "scope": "root"}, {}):
        assert is_problem(await desk.send("POST", "/keys", wrong), 422, "invalid")

    for first_letter in ("z", "a"):
        other = {"name": f"{first_letter}-{name}"}
        assert (await desk.send("POST", "/keys", other)).status == 201
    listed = await pages(desk, "/keys?limit=1")
    assert key not in str(listed)
    names = [each["name"] for each in listed]
    assert {name, f"a-{name}", f"z-{name}"} <= set(names)
    assert names == sorted(names)

    for _ in range(2):
        assert (await desk.send("DELETE", f"/keys/{name}")).status == 204

    async def is_refused() -> bool:
        return (await shop.send("GET", path, token=key)).status == 401

    await until_true(is_refused, seconds=6)
    for unknown in ("nothing", "%00"):
        answer = await desk.send("DELETE", f"/keys/{unknown}")
        assert is_problem(answer, 404, "unknown-key")
    assert [what for _, what in await desk.acts(name)] == ["key.create", "key.revoke"]


async def pages(desk: OperatorDesk, path: str | None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while path:
        answer = await desk.get(path.removeprefix("/v1/admin"))
        items += answer.body["items"]
        path = answer.body["next"]
    return items


# What needs attention


async def test_an_alarm_is_open_until_somebody_acknowledges_it(
    shop: KeptShop, desk: OperatorDesk
) -> None:
    sale_id = await desk.draft()
    for number in range(3):
        await raise_alarm(shop.servers.database, sale_id, AlarmKind.LOST, f"loss {number}")
    opened = await pages(desk, f"/alarms?sale_id={sale_id}&limit=2")
    assert [each["what"] for each in opened] == ["loss 2", "loss 1", "loss 0"]
    number = opened[0]["id"]
    first = await desk.send("POST", f"/alarms/{number}/acknowledge")
    again = await desk.send("POST", f"/alarms/{number}/acknowledge")
    assert first.body == again.body
    assert first.body["acknowledged_by"].startswith("key:")
    left = await pages(desk, f"/alarms?sale_id={sale_id}")
    assert [each["what"] for each in left] == ["loss 1", "loss 0"]
    assert len(await pages(desk, f"/alarms?sale_id={sale_id}&all=true&limit=1")) == 3
    assert [what for _, what in await desk.acts(str(number))] == ["alarm.acknowledge"]
    for unknown in ("999999", "0", "x", "9" * 20):
        answer = await desk.send("POST", f"/alarms/{unknown}/acknowledge")
        assert is_problem(answer, 404, "unknown-alarm")


async def parked(shop: KeptShop, sale_id: str, reservation: str) -> int:
    """Park a context of a reservation, as the ledger's transaction does."""
    row = await shop.servers.database.row(
        "insert into parked (sale_id, kind, subject, record, reason)"
        " values ($1, 'context', $2, $3, 'no json') returning id",
        sale_id,
        reservation,
        b'{"subject": ',
    )
    assert row is not None
    return int(row["id"])


async def test_a_parked_record_is_mended_or_discarded(shop: KeptShop, desk: OperatorDesk) -> None:
    sale_id = await desk.open()
    orders = [await bought(shop, sale_id, name) for name in ("ada", "bo")]
    await until_true(lambda: is_known(desk, orders[1]))
    numbers = [await parked(shop, sale_id, each) for each in orders]
    listed = await pages(desk, f"/parked?sale_id={sale_id}&limit=1")
    assert [each["id"] for each in listed] == numbers[::-1]
    assert (await desk.get(f"/parked/{numbers[0]}")).body == listed[1]

    refused = await desk.send("POST", f"/parked/{numbers[0]}/retry", {})
    assert is_problem(refused, 409, "still-refused")
    mended = '{"issuer": "doorbuster", "subject": "mended"}'
    retried = await desk.send("POST", f"/parked/{numbers[0]}/retry", {"context": mended})
    assert (retried.status, retried.body["resolution"]) == (200, "retried")
    shown = (await desk.get(f"/reservations/{orders[0]}")).body
    assert shown["customer"]["subject"] == "mended"
    discarded = await desk.send("POST", f"/parked/{numbers[1]}/discard", {"reason": "a test"})
    assert (discarded.body["resolution"], discarded.body["note"]) == ("discarded", "a test")
    again = await desk.send("POST", f"/parked/{numbers[1]}/discard", {"reason": "another"})
    assert again.body == discarded.body

    assert await pages(desk, f"/parked?sale_id={sale_id}") == []
    assert len(await pages(desk, f"/parked?sale_id={sale_id}&all=true")) == 2
    assert [what for _, what in await desk.acts(str(numbers[0]))] == ["parked.retry"]
    answers: list[Answer] = await asyncio.gather(
        desk.get("/parked/999999"),
        desk.send("POST", "/parked/999999/retry", {}),
        desk.send("POST", "/parked/999999/discard", {"reason": "x"}),
    )
    assert all(is_problem(each, 404, "unknown-parked") for each in answers)


async def test_the_log_has_pages(desk: OperatorDesk) -> None:
    sale_id = await desk.open()
    for act in ("pause", "resume"):
        await desk.send("POST", f"/sales/{sale_id}/{act}")
    acts = await pages(desk, f"/acts?subject={sale_id}&limit=1")
    assert [each["what"] for each in acts] == [
        "sale.resume", "sale.pause", "sale.open", "sale.create"
    ]  # fmt: skip
    actor = acts[0]["actor"]
    assert actor.startswith("key:")
    assert {each["actor"] for each in await pages(desk, f"/acts?actor={actor}")} == {actor}
    for query in ("after=0", "after=x", "limit=0", "subject=%00"):
        assert is_problem(await desk.get(f"/acts?{query}"), 422, "invalid")
