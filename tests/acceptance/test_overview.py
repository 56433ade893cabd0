"""What goes on, as it is pushed to an operator."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from buyer import events
from kept_shop import KeptShop, is_problem

from gateway.admin.overview import Overview
from gateway.identity.api_keys import digest_of
from sql.alarms import AlarmKind, raise_alarm

pytestmark = pytest.mark.asyncio(loop_scope="module")
EVENTS = "/v1/admin/events"


async def test_only_an_operator_is_told_what_goes_on(shop: KeptShop) -> None:
    assert is_problem(await shop.send("GET", EVENTS), 401, "unauthenticated")
    settle = await shop.key("settle")
    assert is_problem(await shop.send("GET", EVENTS, token=settle), 403, "forbidden")


async def seen(shop: KeptShop, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first overview of which that holds."""
    headers = {"authorization": f"Bearer {await shop.key('admin')}"}
    async with asyncio.timeout(10), aclosing(events(shop.address, EVENTS, headers)) as stream:
        async for event in stream:
            assert event.name in {"overview", "heartbeat"}
            if event.name == "overview" and holds(event.data):
                Overview.model_validate(event.data)
                return event.data
    raise AssertionError("the stream has ended")


async def test_a_checkout_moves_its_units_and_is_counted(shop: KeptShop) -> None:
    sale_id = await shop.sell(5)
    before = await seen(shop, lambda it: units(it, sale_id) == (5, 0))
    assert (await shop.buy(sale_id, "ada", 2)).status == 201
    after = await seen(shop, lambda it: units(it, sale_id) == (3, 2))
    assert admitted(after) > admitted(before)
    assert sum(after["counts"]["seconds"]["counts"]) > sum(before["counts"]["seconds"]["counts"])
    assert after["counts"]["streams"] == 1


def units(overview: dict[str, Any], sale_id: str) -> tuple[int, int]:
    """How many are available and held; of a sale that is not there, none."""
    found = [each for each in overview["sales"] if each["sale_id"] == sale_id]
    items = [item for each in found for item in each["items"]]
    return sum(each["available"] for each in items), sum(each["held"] for each in items)


def admitted(overview: dict[str, Any]) -> int:
    return int(overview["counts"]["checkouts"].get("admitted", 0))


async def test_health_and_what_waits_for_somebody_are_told(shop: KeptShop) -> None:
    sale_id = await shop.sell(1)
    await raise_alarm(shop.servers.database, sale_id, AlarmKind.DRIFT, "a made-up drift")
    told = await seen(shop, lambda it: any(each["sale_id"] == sale_id for each in it["alarms"]))
    assert told["health"] == {"redis": "answers", "ledger": "answers"}
    assert any(each["lives"] and each["leads"] for each in told["reconcilers"])
    assert told["parked"] == []


async def test_a_reconciler_that_is_gone_is_told(shop: KeptShop) -> None:
    names = [name for name in shop.processes if name.startswith("reconciler")]
    await shop.kill(names[0])
    try:
        await seen(shop, lambda it: any(not each["lives"] for each in it["reconcilers"]))
    finally:
        await shop.start(names[0])


async def test_a_revoked_key_is_told_nothing_any_more(shop: KeptShop) -> None:
    """A key is remembered for five seconds, and a stream looks at it again every five."""
    key = await shop.key("admin")
    headers = {"authorization": f"Bearer {key}"}
    async with aclosing(events(shop.address, EVENTS, headers)) as stream:
        assert (await anext(stream)).name == "overview"
        row = await shop.servers.database.row(
            "update api_key set revoked_at = now() where digest = $1 returning name",
            digest_of(key.encode()),
        )
        assert row is not None
        async with asyncio.timeout(15):
            last = [event.name async for event in stream][-1]
    assert last == "bye"
    assert is_problem(await shop.send("GET", EVENTS, token=key), 401, "unauthenticated")
