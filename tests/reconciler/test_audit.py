"""The audit is exact while a sale goes on, and each of its checks can fail."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from drafts import LAMP
from till import Till, cancelled_after

from lua import keys
from reconciler.audit import CannotAudit, audit
from reconciler.drift import DriftKind
from sql.settlement import release

Tampering = Callable[[Till], Awaitable[None]]


async def _ledger(till: Till, statement: str) -> None:
    await till.database.execute(f"{statement} where sale_id = $1", till.sale_id)


async def _redis(till: Till, *words: str | int) -> None:
    await till.server.command(*words)


def _record(till: Till) -> str:
    return keys.record(till.sale_id)


def _one(till: Till) -> str:
    return next(iter(till.told)).hex


async def _taken_is_off(till: Till) -> None:
    await _ledger(till, "update item set taken = taken + 1")


async def _lowered_is_off(till: Till) -> None:
    await _ledger(till, "update item set lowered = lowered + 1, granted = granted - 1")


async def _stock_is_off(till: Till) -> None:
    await _redis(till, "HINCRBY", _record(till), f"available:{LAMP}", 1)


async def _mirror_is_off(till: Till) -> None:
    await _ledger(till, "update item set mirror = mirror + 1")


async def _redis_lost_an_order(till: Till) -> None:
    of = keys.of_epoch(till.sale_id, till.epoch)
    await _redis(till, "HDEL", of.reservations, next(iter(till.told)).hex)


async def _the_ledger_lost_an_order(till: Till) -> None:
    await till.database.execute("delete from reservation where id = $1", next(iter(till.told)))


async def _an_order_has_other_lines(till: Till) -> None:
    one = next(iter(till.told))
    await till.database.execute(
        "update reservation set lines = $2 where id = $1", one, f"{LAMP}:2:500"
    )


async def _the_count_is_off(till: Till) -> None:
    await _redis(till, "HINCRBY", _record(till), "reservations", 1)


async def _the_limit_is_exceeded(till: Till) -> None:
    await _ledger(till, "update reservation set customer = 'one'")
    await _ledger(till, "update item set limit_per_customer = 2")


async def _holdings_are_off(till: Till) -> None:
    of = keys.of_epoch(till.sale_id, till.epoch)
    await _redis(till, "HSET", of.customers, "nobody", f"1;{LAMP}=1")


async def _only_the_ledger_released(till: Till) -> None:
    one = next(iter(till.told))
    await till.database.execute(
        "update reservation set state = 'released', settled_at = now() where id = $1", one
    )


async def _redis_was_granted_more(till: Till) -> None:
    await _redis(till, "HINCRBY", _record(till), f"raised:{LAMP}", 1)


async def _only_redis_took_it_back(till: Till) -> None:
    stored = await till.store.find(till.epoch, _one(till))
    assert stored is not None
    of = keys.of_epoch(till.sale_id, till.epoch)
    await _redis(till, "HSET", of.reservations, _one(till), f"x{stored[1:]}")


async def _it_ended_in_two_ways(till: Till) -> None:
    await _only_redis_took_it_back(till)
    await _only_the_ledger_released(till)


async def _the_streams_end_is_gone(till: Till) -> None:
    stream = keys.of_epoch(till.sale_id, till.epoch).stream
    newest = await till.store.newest(till.epoch)
    assert newest is not None
    await _redis(till, "XDEL", stream, f"{newest.last}-0")


async def _sold_too_much(till: Till) -> None:
    """As much as the constraint lets by: the counter stays behind."""
    one = next(iter(till.told))
    await till.database.execute(
        "update reservation set lines = $2 where id = $1", one, f"{LAMP}:20000:500"
    )


TAMPERINGS: dict[DriftKind, list[Tampering]] = {
    DriftKind.TAKEN: [_taken_is_off],
    DriftKind.OVERSOLD: [_sold_too_much],
    DriftKind.LOWERED: [_lowered_is_off],
    DriftKind.STOCK: [_stock_is_off],
    DriftKind.NOT_IN_REDIS: [_redis_lost_an_order],
    DriftKind.NOT_IN_LEDGER: [_the_ledger_lost_an_order],
    DriftKind.DIFFERENT: [_an_order_has_other_lines],
    DriftKind.COUNT: [_the_count_is_off],
    DriftKind.OVER_LIMIT: [_the_limit_is_exceeded],
    DriftKind.HOLDINGS: [_holdings_are_off],
    DriftKind.GRANTED: [_redis_was_granted_more],
    DriftKind.MIRROR: [_mirror_is_off, _stock_is_off],
    DriftKind.STUCK_RETURN: [_only_the_ledger_released],
    DriftKind.RETURNED: [_only_redis_took_it_back],
    DriftKind.OTHER_END: [_it_ended_in_two_ways],
    DriftKind.STREAM: [_the_streams_end_is_gone],
}


def test_there_is_a_way_to_every_drift() -> None:
    assert set(TAMPERINGS) == set(DriftKind)


@pytest.mark.parametrize(
    ("kind", "tamper"),
    [(kind, tamper) for kind, tampers in TAMPERINGS.items() for tamper in tampers],
)
async def test_what_does_not_hold_is_found_and_explained(
    till: Till, kind: DriftKind, tamper: Tampering
) -> None:
    async with till.kept():
        for _ in range(3):
            await till.buy(2)
        await till.until_settled()
        assert (await audit(till.database, till.store)).clean
    # Nobody keeps the sale now, so nobody mends it before it is looked at.
    await tamper(till)
    found = await audit(till.database, till.store, wait_seconds=0.5)
    drifts = [drift for drift in found.drifts if drift.kind is kind]
    assert drifts, found
    assert all(drift.meaning.means and drift.meaning.how for drift in drifts)


async def test_it_is_clean_at_any_moment_of_a_busy_sale(till: Till) -> None:
    async with till.kept(), cancelled_after(_trade(till)):
        versions = set()
        for _ in range(15):
            found = await audit(till.database, till.store)
            assert found.clean, found
            assert all(finding.compared for finding in found.findings[:3])
            versions.add(found.version)
        assert len(versions) > 1


async def _trade(till: Till) -> None:
    while True:
        bought = await till.buy(10)
        for each in bought[:4]:
            await release(till.database, each)


async def test_without_a_reconciler_it_says_that_it_cannot_be_done(
    till: Till,
) -> None:
    async with till.kept():
        await till.buy(1)
    await till.buy(1)
    with pytest.raises(CannotAudit, match="is a reconciler running"):
        await audit(till.database, till.store, wait_seconds=0.2)


async def test_what_is_not_proven_cannot_be_audited(till: Till) -> None:
    async with till.kept():
        await till.until_settled()
    await _redis(till, "HSET", _record(till), "replid", "another server")
    async with asyncio.timeout(10):
        with pytest.raises(CannotAudit, match="not proven"):
            await audit(till.database, till.store)
