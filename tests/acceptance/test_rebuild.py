"""Somebody wrote into Redis by hand: the audit names it, and a rebuild by hand mends it."""

import json
from pathlib import Path

from buyer import calling
from shop import Shop, running_shop, settings_for

from lua import keys
from lua.replies import array, text
from lua.server import Server


async def _buy(shop: Shop, sale_id: str, customer: str) -> int:
    async with calling(shop.addresses[0]) as line:
        answer = await line.checkout(sale_id, shop.token(customer), {"LAMP-1": 1})
    return answer.status


async def test_what_was_tampered_with_is_named_explained_and_mended(
    redis_url: str, database_url: str, sale_id: str, tmp_path: Path
) -> None:
    async with running_shop(settings_for(redis_url, database_url, tmp_path)) as shop:
        item = {"sku": "LAMP-1", "price": 1999, "units": 10, "limit_per_customer": 2}
        await shop.open_sale(tmp_path, {"id": sale_id, "items": [item]})
        assert [await _buy(shop, sale_id, name) for name in ("ada", "bob")] == [201, 201]
        await _tamper(redis_url, sale_id)

        found = json.loads(await shop.command("audit", sale_id, "--json", status=1))[0]
        assert not found["clean"]
        drifts = [drift for finding in found["findings"] for drift in finding["drifts"]]
        assert {drift["kind"] for drift in drifts} == {"stock", "mirror", "holdings"}
        (stock,) = [drift for drift in drifts if drift["kind"] == "stock"]
        assert stock["says"] == "LAMP-1: 9 available + 2 held, 10 granted"
        assert (stock["units"], stock["mended_by"]) == (1, "correction")

        told = await shop.command("rebuild", sale_id, "--json")
        rehearsal = json.loads(told[: told.rindex("}") + 1])
        assert rehearsal["items"] == [
            {"sku": "LAMP-1", "granted": 10, "active": 2, "before": 9, "after": 8}
        ]
        assert "Nothing was changed" in told
        await shop.command("audit", sale_id, status=1)

        assert "rebuilt" in await shop.command("rebuild", sale_id, "--do")
        await shop.command("audit", sale_id)
        assert await _buy(shop, sale_id, "cleo") == 201
        await shop.command("audit", sale_id)


async def _tamper(redis_url: str, sale_id: str) -> None:
    """A unit out of nowhere, and a customer who holds more than they bought.

    Neither adds or takes a key away, which the scripts would miss at once.
    """
    customers = keys.of_epoch(sale_id, 1).customers
    async with Server(redis_url) as server:
        await server.command("HSET", keys.record(sale_id), "available:LAMP-1", 9)
        somebody = text(array(await server.command("HKEYS", customers))[0])
        await server.command("HSET", customers, somebody, "1;LAMP-1=2")


async def test_a_rebuild_of_what_is_not_there_says_so(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    async with running_shop(settings_for(redis_url, database_url, tmp_path), gateways=0) as shop:
        assert "no sale called nothing" in await shop.command("rebuild", "nothing", status=1)
