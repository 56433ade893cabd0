"""A hold that is extended: it lasts as long as the payment service has asked, up to its limit."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from kept_shop import KeptShop, is_problem, until_true
from purchase import as_bought, bought

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale_id(shop: KeptShop) -> str:
    """Holds of a minute, which may become two."""
    return await shop.sell(100, hold_seconds=60, max_hold_seconds=120)


def later(body: dict[str, Any], seconds: float) -> str:
    """So long after the end of a hold, as a payment service would compute it."""
    end = datetime.fromisoformat(body["expires_at"]) + timedelta(seconds=seconds)
    return end.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_an_extension_is_seen_and_may_be_told_again(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    till = await bought(shop, settle_key, sale_id)
    until = later(till.bought, 30)
    for _ in range(2):
        answer = await till.extend(until)
        assert as_bought(answer, till.bought, "held")
        assert answer.body["expires_at"] == until
        assert (await till.read()).body["expires_at"] == until
    assert (await till.extend(till.bought["created_at"])).body["expires_at"] == until
    assert as_bought(await till.confirm(), till.bought, "paid")


async def test_beyond_the_limit_of_the_sale_it_is_told_what_the_limit_is(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    till = await bought(shop, settle_key, sale_id)
    refused = await till.extend("9999-12-31T23:59:59Z")
    assert is_problem(refused, 409, "extension-limit-reached")
    assert refused.body["max_hold_seconds"] == 120
    latest = refused.body["latest"]
    # The ledger counts from its commit, which is a moment after the checkout.
    assert later(till.bought, 60) <= latest < later(till.bought, 65)
    assert (await till.read()).body["expires_at"] < latest
    assert (await till.extend(latest)).body["expires_at"] == latest


async def test_only_the_payment_service_extends(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    till = await bought(shop, settle_key, sale_id)
    until = later(till.bought, 30)
    assert is_problem(await till.extend(until, till.token), 403, "forbidden")
    assert is_problem(await till.extend("tomorrow"), 422, "invalid")
    assert is_problem(await till.extend("2030-01-01T00:00:00"), 422, "invalid")
    assert is_problem(
        await till.extend("0001-01-01T00:00:00+14:00", "dbk_x"), 401, "unauthenticated"
    )
    assert (await till.extend("0001-01-01T00:00:00+14:00")).status == 200
    till.path = f"{till.path[:-4]}0000"
    assert is_problem(await till.extend(until), 404, "unknown-reservation")


async def test_what_is_settled_cannot_be_extended(
    shop: KeptShop, settle_key: str, sale_id: str
) -> None:
    paid, released = [await bought(shop, settle_key, sale_id) for _ in range(2)]
    await paid.confirm()
    await released.release()
    until = later(paid.bought, 30)
    assert is_problem(await paid.extend(until), 409, "already-paid")
    refused = await released.extend(until)
    assert is_problem(refused, 409, "reservation-released")
    assert "refund_required" not in refused.body


async def test_an_extended_hold_outlives_its_neighbour(shop: KeptShop, settle_key: str) -> None:
    sale_id = await shop.sell(100, hold_seconds=1, max_hold_seconds=60)
    extended, other = [await bought(shop, settle_key, sale_id) for _ in range(2)]
    assert (await extended.extend(later(extended.bought, 30))).status == 200
    await until_true(other.is_expired)
    assert as_bought(await extended.read(), extended.bought, "held")
    assert is_problem(await other.extend(later(other.bought, 30)), 409, "reservation-expired")
    assert as_bought(await extended.confirm(), extended.bought, "paid")
