"""What Postgres refuses is parked alone; all that stands around it is committed."""

from uuid import UUID

import pytest
import tampering
from drafts import LAMP, PRICE
from till import LINE, Till, eventually, new_checkout

from lua import keys
from lua.admission import Checkout
from lua.server import Server
from reconciler.recovery import Recovery
from sql import sales
from sql.alarms import open_alarms
from sql.database import Database
from sql.parking import ParkedKind, list_parked
from sql.sales import SaleState

# Postgres stores neither half a JSON text nor U+0000.
UNREADABLE = ['{"subject": ', '{"subject": "a\\u0000b"}']


def _with_context(context: str) -> Checkout:
    return new_checkout(LINE, None)._replace(context=context)


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


# Orders that the ledger cannot take


async def _forget(till: Till, checkout: Checkout) -> None:
    """Redis forgets an order, and counts as if it had never had it: no script would notice."""
    of, record = keys.of_epoch(till.sale_id, till.epoch), keys.record(till.sale_id)
    await till.server.command("HDEL", of.reservations, checkout.reservation)
    await till.server.command("HINCRBY", record, "reservations", -1)


async def _until_rebuilt(till: Till) -> None:
    async def is_rebuilt() -> bool:
        return await till.outcomes() == ["rebuilt", "rebuilt"]

    await eventually(is_rebuilt)
    await till.until_settled()


async def test_an_id_of_another_order_is_parked_and_the_rest_is_kept(till: Till) -> None:
    async with till.kept():
        known = new_checkout(LINE, None)
        await till.decide([known])
        await till.until_settled()
        await _forget(till, known)
        crowd = [new_checkout(LINE, None) for _ in range(20)]
        await till.decide([*crowd[:7], known, *crowd[7:]])
        await _until_rebuilt(till)
        (parked,) = await list_parked(till.database, sale_id=till.sale_id)
        assert parked.kind is ParkedKind.ADMISSION
        assert parked.record == known.encode().encode()
        assert await till.count("reservation") == 1 + len(crowd)
        assert any("up to 0 acknowledged changes were lost" in each for each in await till.alarms())
        await till.check_books()


async def test_what_would_be_more_than_was_granted_is_parked_and_the_rest_is_kept(
    till: Till,
) -> None:
    """Redis and the mirror agree that there are two lamps more than there are."""
    async with till.kept():
        await till.buy(1, line=f"{LAMP}:9998:{PRICE}")
        await till.until_settled()
        for _ in range(2):
            await tampering.both_are_off(till)
        await till.decide([new_checkout(LINE, None) for _ in range(4)])
        await _until_rebuilt(till)
        parked = await list_parked(till.database, sale_id=till.sale_id)
        assert [each.kind for each in parked] == [ParkedKind.ADMISSION] * 2
        assert await till.count("reservation") == 3
        assert await till.available() == 0
        await till.check_books(lost=2)


async def test_whoever_looks_next_knows_that_it_has_to_be_rebuilt(till: Till) -> None:
    """The one who parked it may have died before it could."""
    async with till.kept():
        await till.buy(3)
        await till.until_settled()
    await till.database.execute(
        "update checkpoint set rebuild = true where sale_id = $1", till.sale_id
    )
    async with till.kept():
        await _until_rebuilt(till)
        assert not (await till.checkpoint()).rebuild
        await till.check_books()


async def test_what_is_refused_while_a_recovery_reads_is_parked_too(till: Till) -> None:
    async with till.kept():
        known = new_checkout(LINE, None)
        await till.decide([known])
        await till.until_settled()
    await _forget(till, known)
    await till.decide([known, new_checkout(LINE, None)])
    await Recovery(till.database, till.store).run("asked for by the test", rebuild=False)
    assert await till.outcomes() == ["rebuilt", "rebuilt"]
    (parked,) = await list_parked(till.database, sale_id=till.sale_id)
    assert parked.kind is ParkedKind.ADMISSION
    async with till.kept():
        await till.check_books()


async def test_one_request_takes_units_out_of_two_sales(
    till: Till, database: Database, server: Server
) -> None:
    """Each sale's Redis knows its own requests only; the ledger's ids are those of all sales."""
    other = Till(database, server, f"{till.sale_id}-2")
    await other.open()
    for each in (till, other):
        async with each.kept():
            await each.buy(1)
            await each.store.lower(each.epoch, request="pallet", sku=LAMP, units=2, context="{}")
            await each.buy(3)
            await each.until_settled()
            assert await each.count("reservation") == 4
            assert await each.count("adjustment", "delta = -2") == 1
    assert await list_parked(database, sale_id=till.sale_id) == []
    (parked,) = await list_parked(database, sale_id=other.sale_id)
    assert (parked.kind, parked.subject) == (ParkedKind.LOWERING, "pallet")
    assert await other.outcomes() == ["rebuilt"]
