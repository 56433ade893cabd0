"""What a sale that has ended costs, and that it is kept all the same."""

import asyncio

import pytest
from till import Till, eventually

from lua.replies import text
from reconciler import leisure
from sql import sales
from sql.rebuilds import ask_for_rebuild
from sql.sale_end import has_ended
from sql.settlement import Payment, pay, release

WATCHED_SECONDS = 4.0


async def ended(till: Till) -> bool:
    return await has_ended(till.database, till.sale_id)


async def test_a_sale_has_ended_when_it_is_closed_and_nothing_is_left_to_do(till: Till) -> None:
    async with till.kept():
        paid, held = await till.buy(2)
        await till.until_settled()
        await pay(till.database, [Payment(reservation=paid, reference="payment")])
        await sales.change_state(till.database, till.sale_id, "close")
        await till.until_settled()
        assert not await ended(till)
    await release(till.database, held)
    # Nobody has told Redis yet.
    assert not await ended(till)
    async with till.kept():
        await eventually(lambda: ended(till))


async def commands(till: Till) -> int:
    """How many commands Redis has taken within a while, from all of its clients."""

    async def total() -> int:
        stats = text(await till.server.command("INFO", "stats"))
        return int(stats.partition("total_commands_processed:")[2].partition("\r\n")[0])

    before = await total()
    await asyncio.sleep(WATCHED_SECONDS)
    return await total() - before


async def test_an_ended_sale_is_seldom_looked_at_and_still_kept(
    private_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leisure, "LOOK_SECONDS", 0.2)
    till = private_till
    async with till.kept():
        lively = await commands(till)
        await sales.change_state(till.database, till.sale_id, "close")
        await eventually(lambda: ended(till))
        await asyncio.sleep(1)  # what was waited for when it ended
        assert await commands(till) < lively / 3
        epoch = (await till.checkpoint()).epoch
        await ask_for_rebuild(till.database, till.sale_id, actor="cli:test")
        await eventually(lambda: rebuilt(till, epoch))


async def rebuilt(till: Till, epoch: int) -> bool:
    checkpoint = await till.checkpoint()
    return checkpoint.opened == checkpoint.epoch > epoch
