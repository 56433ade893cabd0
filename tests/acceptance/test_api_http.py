"""`docs/api.http` is true: each request in it is answered as is noted beside it."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from away import away
from documents import PROJECT
from http_file import Collection
from interface import Interface, calls
from kept_shop import KeptShop, keeping_shop
from shop import settings_for

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


async def test_every_request_of_the_collection_is_answered_as_it_says(demo_shop: KeptShop) -> None:
    collection = Collection.read(PROJECT / "docs/api.http")
    sale_id = await demo_shop.sell({"LAMP-1": 5, "MUG": 5, "KETTLE": 5})
    host, port = demo_shop.address
    collection.variables |= {
        "gateway": f"http://{host}:{port}",
        "sale": sale_id,
        "settle_key": await demo_shop.key(),
        "admin_key": await demo_shop.key("admin"),
    }
    async with away() as app:
        interface = Interface(calls=list(calls(app.routes)))
    async with httpx.AsyncClient(event_hooks={"response": [interface.see]}) as client:
        await replay(collection, client)
    shown = {each.operation for each in interface.seen}
    assert shown == {each.operation for each in interface.documented()}


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
                collection.answers[written.name] = answer.json()
