"""A drift is mended by a correction that stays on record, while the sale goes on if it likes."""

import asyncio
from dataclasses import replace

import pytest
import tampering
from drafts import LAMP
from tampering import Tampering
from till import Till, cancelled_after, eventually

from reconciler.audit import Audit, audit
from reconciler.drift import DriftKind
from reconciler.interval import interval
from reconciler.mending import Plan, plan
from reconciler.recovery import Recovery
from reconciler.redis_cut import Moved, redis_cut
from sql.audit import ledger_cut
from sql.corrections import (
    CannotCorrect,
    Correction,
    CorrectionKind,
    Overtaken,
    correct,
    corrections_made,
)
from sql.outbox import is_pending
from sql.settlement import release

WHO, WHY = "cli:ada", "a slip of the hand"
MENDED: list[tuple[Tampering, set[CorrectionKind]]] = [
    (tampering.taken_is_off, {CorrectionKind.TAKEN}),
    (tampering.lowered_is_off, {CorrectionKind.LOWERED}),
    (tampering.an_act_is_missing, {CorrectionKind.ACT}),
    (tampering.both_are_off, {CorrectionKind.STOCK}),
    (tampering.stock_is_off, {CorrectionKind.STOCK}),
    (tampering.mirror_is_off, {CorrectionKind.STOCK}),
    (tampering.only_the_ledger_released, {CorrectionKind.RETURN, CorrectionKind.TAKEN}),
]


async def found(till: Till) -> Audit:
    return await audit(till.database, till.store)


async def make(till: Till, made: Plan) -> None:
    await correct(
        till.database, till.sale_id, made.corrections, epoch=made.epoch, actor=WHO, reason=WHY
    )


async def until_done(till: Till, made: Plan) -> None:
    rows = [row for each in made.corrections if (row := each.outbox_row) is not None]

    async def is_done() -> bool:
        return not await is_pending(till.database, till.sale_id, rows)

    await eventually(is_done)


async def sold(till: Till) -> None:
    """Some lamps are sold, and two were taken out."""
    await till.buy(6)
    await till.store.lower(till.epoch, request="two", sku=LAMP, units=2, context="{}")
    await till.until_settled()


@pytest.mark.parametrize(("tamper", "kinds"), MENDED, ids=[each.__name__ for each, _ in MENDED])
async def test_what_was_tampered_with_is_corrected_and_the_audit_is_clean(
    till: Till, tamper: Tampering, kinds: set[CorrectionKind]
) -> None:
    async with till.kept():
        await sold(till)
        await tamper(till)
        made = plan(await found(till))
        assert {each.kind for each in made.corrections} == kinds
        assert not made.rebuild
        assert not made.by_hand
        await make(till, made)
        await until_done(till, made)
        assert plan(await found(till)).is_empty
        await till.buy(2)
        await till.until_settled()
        assert (await found(till)).clean
    assert await till.outcomes() == ["rebuilt"]
    assert await till.alarms() == []


async def test_each_stays_on_record_with_who_when_why_and_the_units(till: Till) -> None:
    async with till.kept():
        await sold(till)
        await tampering.both_are_off(till)
        before = (await till.record()).version
        made = plan(await found(till))
        await make(till, made)
        await until_done(till, made)
    (kept,) = await corrections_made(till.database, till.sale_id)
    assert (kept.kind, kept.subject, kept.number) == (CorrectionKind.STOCK, LAMP, 1)
    assert (kept.units, kept.mirrored) == (-1, -1)
    assert (kept.units_before, kept.units_after) == (9_993, 9_992)
    assert (kept.actor, kept.reason, kept.version) == (WHO, WHY, before + 1)
    assert kept.found == f"{LAMP}: 9993 available + 6 held, 9998 granted"
    assert kept.created_at


async def test_the_sale_may_go_on_while_it_is_mended(till: Till) -> None:
    async with till.kept():
        await sold(till)
        async with cancelled_after(_trade(till)):
            await correct_wrongly(till)
            made = plan(await found(till))
            assert [each.kind for each in made.corrections] == [CorrectionKind.STOCK]
            await make(till, made)
            await until_done(till, made)
            assert (await found(till)).clean
    assert await till.alarms() == []


async def correct_wrongly(till: Till) -> None:
    """Put a lamp on sale that does not exist: a wrong correction is a drift in both stores."""
    wrong = Correction(
        kind=CorrectionKind.STOCK,
        subject=LAMP,
        number=1,
        units=1,
        mirrored=1,
        before=0,
        after=1,
        found="a test",
    )
    made = Plan(sale_id=till.sale_id, epoch=till.epoch, corrections=[wrong])
    await make(till, made)
    await until_done(till, made)


async def _trade(till: Till) -> None:
    while True:
        bought = await till.buy(5)
        for each in bought[:3]:
            await release(till.database, each)


async def test_two_who_find_the_same_drift_mend_it_once(till: Till) -> None:
    async with till.kept():
        await sold(till)
        await tampering.both_are_off(till)
        await tampering.taken_is_off(till)
        plans = [plan(await found(till)) for _ in range(2)]
        assert plans[0] == plans[1]
        ends = await asyncio.gather(*(make(till, each) for each in plans), return_exceptions=True)
        assert sorted(type(each) for each in ends if each) == [Overtaken]
        await until_done(till, plans[0])
        assert (await found(till)).clean


async def test_a_rebuild_contains_a_correction_that_is_on_its_way(till: Till) -> None:
    async with till.kept():
        await sold(till)
    await tampering.both_are_off(till)
    made = plan(await found(till))
    await make(till, made)
    again = plan(await found(till))
    assert not again.corrections
    assert "on its way" in again.by_hand[0][1]
    await Recovery(till.database, till.store).run("asked for by the test", rebuild=True)
    await until_done(till, made)
    assert (await found(till)).clean


async def test_a_rebuild_sells_nothing_that_a_row_has(till: Till) -> None:
    """The counter says less than the rows: whoever believed it would oversell."""
    async with till.kept():
        await sold(till)
    await till.database.execute(
        "update item set taken = taken - 1 where sale_id = $1 and sku = $2", till.sale_id, LAMP
    )
    await Recovery(till.database, till.store).run("asked for by the test", rebuild=True)
    assert await till.available() == 9_992
    made = plan(await found(till))
    assert [each.kind for each in made.corrections] == [CorrectionKind.TAKEN]
    await make(till, made)
    assert (await found(till)).clean


async def test_what_a_rebuild_has_mended_since_the_audit_is_not_corrected(till: Till) -> None:
    """The correction would take a unit out of a stock that is right."""
    async with till.kept():
        await sold(till)
    await tampering.both_are_off(till)
    made = plan(await found(till))
    await Recovery(till.database, till.store).run("asked for by the test", rebuild=True)
    with pytest.raises(Overtaken, match="recovered"):
        await make(till, made)
    assert await corrections_made(till.database, till.sale_id) == []
    assert (await found(till)).clean


async def test_an_audit_that_met_a_correction_begins_again(till: Till) -> None:
    """Its stock is of before the correction, and the ledger says that it was made."""
    async with till.kept():
        await sold(till)
        cut = await redis_cut(till.store)
        await correct_wrongly(till)
        async with ledger_cut(till.database, till.sale_id) as ledger:
            with pytest.raises(Moved):
                await interval(till.store, cut, ledger)


async def test_what_was_taken_out_during_the_audit_decides_nothing(till: Till) -> None:
    """Redis is read first: what it took out is compared with what the ledger knows later."""
    async with till.kept():
        await sold(till)
        cut = await redis_cut(till.store)
        await till.store.lower(till.epoch, request="three", sku=LAMP, units=3, context="{}")
        await till.until_settled()
        await tampering.lowered_is_off(till)
        async with ledger_cut(till.database, till.sale_id) as ledger:
            between = await interval(till.store, cut, ledger)
    assert between.granted == {LAMP}
    made = plan(replace(await found(till), granted=frozenset(between.granted)))
    assert LAMP in {drift.subject for drift, why in made.by_hand if "look again" in why}
    lamps = [each.kind for each in made.corrections if each.subject == LAMP]
    assert CorrectionKind.LOWERED not in lamps


async def test_what_is_sold_cannot_be_taken_out(till: Till) -> None:
    """Redis holds more than was granted: no correction can make up for that."""
    async with till.kept():
        await sold(till)
    await tampering.redis_was_granted_less(till)
    made = plan(await found(till))
    reasons = {drift.kind: why for drift, why in made.by_hand}
    assert "grant what is missing" in reasons[DriftKind.STOCK]
    assert not made.corrections


async def test_what_a_rebuild_mends_is_left_to_it(till: Till) -> None:
    async with till.kept():
        await sold(till)
    await tampering.holdings_are_off(till)
    made = plan(await found(till))
    assert [each.kind for each in made.rebuild] == [DriftKind.HOLDINGS]
    assert not made.corrections


async def test_the_ledger_refuses_a_correction_that_would_oversell(till: Till) -> None:
    async with till.kept():
        await sold(till)
    await tampering.taken_is_off(till)
    made = plan(await found(till))
    await till.database.execute("update item set taken = 0 where sale_id = $1", till.sale_id)
    with pytest.raises(CannotCorrect, match="item_never_oversold"):
        await make(till, made)
    assert await corrections_made(till.database, till.sale_id) == []
