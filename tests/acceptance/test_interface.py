"""The documented interface is the one that answers, from the first call to the last refusal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from away import TOKEN, away, calling
from documents import PROJECT
from http_file import Collection
from interface import Interface, calls, statuses
from kept_shop import KeptShop, keeping_shop
from operator_scenes import OperatorScenes
from provoking import PROVOKED, Provoking
from shop import settings_for

from gateway.identity.development import issue
from gateway.openapi import ADMIN, CUSTOMER, SETTLE
from sql.alarms import AlarmKind, list_alarms, raise_alarm
from sql.parking import list_parked

PARK = """insert into parked (sale_id, kind, subject, record, reason)
          values ($1, 'context', $2, 'no JSON', 'a test')"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo_shop(
    valkey_url: str, shop_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeptShop]:
    """A shop with the demo's pages, as under `up`."""
    folder = tmp_path_factory.mktemp("shop")
    settings = settings_for(valkey_url, shop_database_url, folder) | {"DOORBUSTER_DEMO": "true"}
    async with keeping_shop(settings, folder) as running:
        yield running
    assert not running.faults()


@pytest_asyncio.fixture(loop_scope="module")
async def interface() -> AsyncIterator[Interface]:
    async with away() as app:
        yield Interface(calls=list(calls(app.routes)))


@pytest_asyncio.fixture(loop_scope="module")
async def client(demo_shop: KeptShop, interface: Interface) -> AsyncIterator[httpx.AsyncClient]:
    """Every answer that it gets is held against the document."""
    host, port = demo_shop.address
    async with httpx.AsyncClient(
        base_url=f"http://{host}:{port}", event_hooks={"response": [interface.see]}
    ) as client:
        yield client


async def test_every_request_of_the_collection_is_answered_as_it_says(
    demo_shop: KeptShop, interface: Interface, client: httpx.AsyncClient
) -> None:
    await replay(await collection(demo_shop), client)
    shown = {each.operation for each in interface.seen}
    assert shown == {each.operation for each in interface.documented()}


async def collection(shop: KeptShop) -> Collection:
    """The requests of `docs/api.http`, for a new sale of this shop."""
    read = Collection.read(PROJECT / "docs/api.http")
    host, port = shop.address
    read.variables |= {
        "gateway": f"http://{host}:{port}",
        "sale": await shop.sell({"LAMP-1": 5, "MUG": 5, "KETTLE": 5}),
        "settle_key": await shop.key(),
        "admin_key": await shop.key("admin"),
    }
    read.variables |= await attention(shop, read.variables["sale"])
    return read


async def attention(shop: KeptShop, sale_id: str) -> dict[str, str]:
    """The numbers of an alarm, and of a parked record of an order that is in the ledger."""
    database, token = shop.servers.database, shop.token("somebody")
    order = (await shop.buy(sale_id, "somebody")).body["id"]
    await shop.send("POST", f"/v1/reservations/{order}/release", token=token)
    await raise_alarm(database, sale_id, AlarmKind.LOST, "a test")
    await database.execute(PARK, sale_id, order)
    (alarm,) = await list_alarms(database, sale_id=sale_id)
    (parked,) = await list_parked(database, sale_id=sale_id)
    return {"alarm": str(alarm.id), "parked": str(parked.id)}


async def replay(collection: Collection, client: httpx.AsyncClient) -> None:
    for written in collection.requests:
        headers = {name: collection.filled(value) for name, value in written.headers.items()}
        async with client.stream(
            written.method,
            collection.filled(written.url),
            headers=headers,
            content=collection.filled(written.body),
        ) as answer:
            said = await anext(answer.aiter_text(), "")
            assert answer.status_code == written.status, f"{written.title}: {said}"
            if written.name:
                collection.answers[written.name] = answer


@pytest.mark.proof
async def test_every_documented_answer_was_given(
    demo_shop: KeptShop, interface: Interface, client: httpx.AsyncClient
) -> None:
    requests = await collection(demo_shop)
    await replay(requests, client)
    provoking = Provoking(
        client=client,
        values={
            "sale_id": requests.variables["sale"],
            "sku": "LAMP-1",
            "id": requests.answers["bought"].json()["id"],
            "number": requests.variables["parked"],
            "name": "payments",
        },
        bodies=bodies(requests, interface),
        bearers={
            CUSTOMER: demo_shop.token("ada"),
            SETTLE: requests.variables["settle_key"],
            ADMIN: requests.variables["admin_key"],
        },
    )
    await refuse_all(provoking, interface)
    await ask_without_a_body(provoking, interface)
    await sell_it_out(demo_shop, client)
    await settle_what_is_settled(client, requests)
    await watch_what_is_paid(client, requests)
    await ask_for_what_is_not_there(demo_shop, client)
    await fill_a_cart(demo_shop, client)
    await leave_it_open(demo_shop, client)
    await watch_the_end(demo_shop, client)
    await administer(demo_shop, client, requests)
    await answer_without_servers(provoking, interface)
    assert interface.unseen() == []


def bodies(collection: Collection, interface: Interface) -> dict[str, str]:
    """A good body for each operation that takes one."""
    found = {}
    for written in collection.requests:
        call = interface.called(written.method, httpx.URL(collection.filled(written.url)).path)
        assert call is not None, written.title
        found[call.operation.id] = collection.filled(written.body)
    return found


async def refuse_all(provoking: Provoking, interface: Interface) -> None:
    """What a call is refused for because of its callers, its path, its query or its body."""
    slow: list[asyncio.Task[httpx.Response]] = []
    for call in interface.calls:
        for status in sorted(statuses(call.operation) & PROVOKED.keys()):
            if status == 408:
                slow.append(asyncio.create_task(provoking.too_slow(call)))
                continue
            if status == 404 and "{" not in call.path:
                continue  # it is about a name elsewhere
            answer = await PROVOKED[status](provoking, call)
            assert answer.status_code == status, f"{call.operation.id}: {answer.status_code}"
    assert {answer.status_code for answer in await asyncio.gather(*slow)} == {408}


async def ask_without_a_body(provoking: Provoking, interface: Interface) -> None:
    """HEAD is answered as GET is, and ends where a stream would begin."""
    for call in interface.calls:
        if call.operation.method == "GET":
            whole = await provoking.as_it_is(call)
            head = await provoking.without_a_body(call)
            assert head.status_code == whole.status_code, call.path
            assert head.headers["content-type"] == whole.headers["content-type"], call.path


def bearing(credentials: str, **headers: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credentials}", **headers}


async def check_out(
    client: httpx.AsyncClient, sale_id: str, token: str, sku: str = "LAMP-1"
) -> httpx.Response:
    return await client.post(
        f"/v1/sales/{sale_id}/checkout",
        json={"lines": [{"sku": sku, "quantity": 1}]},
        headers=bearing(token, **{"idempotency-key": sku}),
    )


async def sell_it_out(shop: KeptShop, client: httpx.AsyncClient) -> None:
    sale_id = await shop.sell(1)
    outcomes = [
        await check_out(client, sale_id, shop.token(customer)) for customer in ("ada", "ada", "bob")
    ]
    assert [each.status_code for each in outcomes] == [201, 200, 409]


async def settle_what_is_settled(client: httpx.AsyncClient, requests: Collection) -> None:
    """The one is paid, the other released."""
    paid, released = (requests.answers[name].json()["id"] for name in ("bought", "ordered"))
    key = bearing(requests.variables["settle_key"])
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    answers = [
        await client.post(path, json=body, headers=key)
        for path, body in (
            (f"/v1/reservations/{paid}/confirm", {"payment_reference": "another"}),
            (f"/v1/reservations/{paid}/extend", {"until": until}),
            (f"/v1/reservations/{paid}/release", None),
            ("/demo/pay", {"reservation_id": released}),
        )
    ]
    assert [each.status_code for each in answers] == [409, 409, 409, 409]


async def watch_what_is_paid(client: httpx.AsyncClient, requests: Collection) -> None:
    paid, token = requests.answers["bought"].json()["id"], requests.answers["login"].json()["token"]
    seen = {"last-event-id": "paid-0"}
    answer = await client.get(f"/v1/reservations/{paid}/events", headers=bearing(token, **seen))
    assert answer.status_code == 204


async def ask_for_what_is_not_there(shop: KeptShop, client: httpx.AsyncClient) -> None:
    paid = await client.post("/demo/pay", json={"reservation_id": str(uuid4())})
    page = await client.get(
        "/v1/reservations", params={"after": str(uuid4())}, headers=bearing(shop.token("ada"))
    )
    assert [paid.status_code, page.status_code] == [404, 404]


async def fill_a_cart(shop: KeptShop, client: httpx.AsyncClient) -> None:
    skus = [f"SKU-{number}" for number in range(101)]
    sale_id = await shop.sell(dict.fromkeys(skus, 1))
    token = bearing(shop.token("ada"))
    answers = [
        await client.put(
            f"/v1/sales/{sale_id}/cart/items/{sku}", json={"quantity": 1}, headers=token
        )
        for sku in skus
    ]
    assert [each.status_code for each in answers] == [200] * 100 + [409]


async def leave_it_open(shop: KeptShop, client: httpx.AsyncClient) -> None:
    """Nobody writes the ledger, so nobody can say that it has the order."""
    sale_id = await shop.sell(1, durability="ledger")
    with shop.frozen("reconciler-1"):
        answer = await check_out(client, sale_id, shop.token("ada"))
    assert answer.status_code == 202


async def watch_the_end(shop: KeptShop, client: httpx.AsyncClient) -> None:
    sale_id = await shop.sell(1)
    await shop.act(sale_id, "close")
    stock = (await client.get(f"/v1/sales/{sale_id}/stock")).json()
    seen = {"last-event-id": f"{stock['epoch']}-{stock['version']}"}
    answer = await client.get(f"/v1/sales/{sale_id}/events", headers=seen)
    assert answer.status_code == 204


async def administer(shop: KeptShop, client: httpx.AsyncClient, requests: Collection) -> None:
    scenes = OperatorScenes(shop=shop, client=client, key=requests.variables["admin_key"])
    await scenes.say_it_twice()
    await scenes.overwrite_blindly()
    await scenes.steer_wrongly()
    await scenes.grant_again_and_too_little()
    await scenes.retry_what_cannot_be((await attention(shop, await shop.sell()))["parked"])
    await scenes.do_it_while_nobody_tells_redis()


async def answer_without_servers(provoking: Provoking, interface: Interface) -> None:
    """A gateway says so where Redis and Postgres are away."""
    token = issue("ada", secret=str(TOKEN.key), algorithm="HS256", issuer=TOKEN.issuer,
                  audience=TOKEN.audience)  # fmt: skip
    async with away() as app, calling(app) as client:
        client.event_hooks = {"response": [interface.see]}
        alone = Provoking(
            client=client,
            values=provoking.values,
            bodies=provoking.bodies,
            bearers={CUSTOMER: token, SETTLE: "dbk_settle", ADMIN: "dbk_admin"},
        )
        for call in interface.calls:
            if 503 in statuses(call.operation):
                answer = await alone.as_it_is(call)
                assert answer.status_code == 503, f"{call.operation.id}: {answer.status_code}"
