"""A context that Postgres refuses is parked alone; the orders around it, and its own, commit."""

from dataclasses import replace
from uuid import UUID

import pytest
from till import LINE, Till, new_checkout

from lua.admission import Checkout
from sql import sales
from sql.alarms import open_alarms
from sql.parking import ParkedKind, list_parked
from sql.sales import SaleState

# Postgres stores neither half a JSON text nor U+0000.
UNREADABLE = ['{"subject": ', '{"subject": "a\\u0000b"}']


def _with_context(context: str) -> Checkout:
    return replace(new_checkout(LINE, None), context=context)


@pytest.mark.parametrize("context", UNREADABLE)
async def test_the_rest_of_the_batch_commits_and_so_does_the_order_itself(
    till: Till, context: str
) -> None:
    async with till.kept():
        bad = _with_context(context)
        crowd = [new_checkout(LINE, None) for _ in range(20)]
        ids = await till.decide([*crowd[:7], bad, *crowd[7:]])
        await till.until_settled()
        assert await till.count("reservation") == len(ids)
        (parked,) = await list_parked(till.database, sale_id=till.sale_id)
        assert parked.kind is ParkedKind.CONTEXT
        assert (UUID(parked.subject).hex, parked.record) == (bad.reservation, context.encode())
        assert parked.reason


async def test_the_sale_is_paused_and_an_alarm_says_why(till: Till) -> None:
    async with till.kept():
        await till.decide([_with_context(UNREADABLE[0])])
        await till.until_settled()
        sale = await sales.read(till.database, till.sale_id)
        assert sale.state is SaleState.PAUSED
        alarms = await open_alarms(till.database, till.sale_id)
        assert any("parked" in alarm.what for alarm in alarms)


async def test_what_is_parked_can_be_sold_on_and_audited(till: Till) -> None:
    async with till.kept():
        await till.decide([_with_context(context) for context in UNREADABLE])
        await till.until_settled()
        await sales.change_state(till.database, till.sale_id, "resume")
        await till.until_settled()
        await till.buy(5)
        await till.until_settled()
        assert await till.count("parked") == len(UNREADABLE)
        await till.check_books()
