"""A reconciler audits its sales by itself: what it finds is kept, and a drift is told once."""

import asyncio
import time
from collections.abc import Callable

import pytest
from drafts import LAMP
from till import Till, eventually

from reconciler import self_audit
from reconciler.self_audit import Rhythm
from sql import audit_log
from sql.alarms import AlarmKind, acknowledge, open_alarms
from sql.audit_log import AuditOutcome, KeptAudit, last_audits

OFTEN = 0.02


@pytest.fixture(autouse=True)
def without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the next audit because this machine was slow at the last one."""
    monkeypatch.setattr(self_audit, "SHARE", 1.0)


async def kept_audits(till: Till) -> list[KeptAudit]:
    return await last_audits(till.database, sale_id=till.sale_id, count=100)


async def until_kept(till: Till, condition: Callable[[KeptAudit], bool]) -> KeptAudit:
    """The first audit made from now on of which the condition holds."""
    before = {each.at for each in await kept_audits(till)}
    found: list[KeptAudit] = []

    async def is_there() -> bool:
        found[:] = [each for each in await kept_audits(till) if each.at not in before]
        return any(map(condition, found))

    await eventually(is_there)
    return next(filter(condition, reversed(found)))


def is_clean(kept: KeptAudit) -> bool:
    return kept.outcome is AuditOutcome.CLEAN


def has_drift(kept: KeptAudit) -> bool:
    return kept.outcome is AuditOutcome.DRIFT


async def count_too_much(till: Till, units: int) -> None:
    """The ledger's counter moves, and no row does: no entry will ever tell of it."""
    await till.database.execute(
        "update item set taken = taken + $3 where sale_id = $1 and sku = $2",
        till.sale_id,
        LAMP,
        units,
    )


async def drift_alarms(till: Till) -> list[str]:
    alarms = await open_alarms(till.database, till.sale_id)
    return [each.what for each in alarms if each.kind == AlarmKind.DRIFT]


async def test_it_begins_soon_and_keeps_the_sums_that_it_compared(till: Till) -> None:
    async with till.kept(audit_seconds=OFTEN):
        await till.buy(3)
        kept = await until_kept(till, lambda each: bool(each.books and each.books.sums.rows == 3))
    assert is_clean(kept)
    assert kept.books is not None
    assert kept.milliseconds > 0
    assert (kept.books.epoch, kept.books.reservations) == (till.epoch, 3)
    sums = kept.books.sums
    assert (sums.items, sums.granted, sums.taken, sums.held) == (2, 20_000, 3, 3)
    assert (sums.available, sums.mirror) == (19_997, 19_997)
    assert all(each.compared and not each.differ for each in kept.books.findings[:3])
    assert await till.alarms() == []


async def test_a_drift_raises_one_alarm_however_long_it_lasts(till: Till) -> None:
    async with till.kept(audit_seconds=OFTEN):
        await till.buy(2)
        await until_kept(till, is_clean)
        await count_too_much(till, 1)
        kept = await until_kept(till, has_drift)
        await until_kept(till, has_drift)
        (told,) = await drift_alarms(till)
    assert kept.books is not None
    assert [each.kind for each in kept.books.drifts] == ["taken"]
    assert "the rows hold 2, taken is 3" in told
    assert "doorbuster mend" in told


async def test_what_was_acknowledged_and_lasts_is_no_news(till: Till) -> None:
    async with till.kept(audit_seconds=OFTEN):
        await till.buy(1)
        await until_kept(till, is_clean)
        await count_too_much(till, 1)
        await until_kept(till, has_drift)
        (alarm,) = await open_alarms(till.database, till.sale_id)
        await acknowledge(till.database, alarm.id, actor="cli:ada")
        await until_kept(till, has_drift)
        assert await drift_alarms(till) == []


async def test_what_comes_back_is_news(till: Till) -> None:
    async with till.kept(audit_seconds=OFTEN):
        await till.buy(1)
        await until_kept(till, is_clean)
        for _ in range(2):
            await count_too_much(till, 1)
            await until_kept(till, has_drift)
            (alarm,) = await open_alarms(till.database, till.sale_id)
            await acknowledge(till.database, alarm.id, actor="cli:ada")
            await count_too_much(till, -1)
            await until_kept(till, is_clean)


async def test_what_cannot_be_done_is_kept_and_is_no_alarm(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_audit, "MOST_RESERVATIONS", 1)
    async with till.kept(audit_seconds=OFTEN):
        await till.buy(2)
        kept = await until_kept(till, lambda each: each.outcome is AuditOutcome.IMPOSSIBLE)
        assert kept.why is not None
        assert "too many to be compared here" in kept.why
        assert await till.alarms() == []


async def test_the_last_ones_are_kept_and_no_more(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "KEPT", 2)
    async with till.kept(audit_seconds=OFTEN):
        first = await until_kept(till, is_clean)

        async def is_forgotten() -> bool:
            return first.at not in {each.at for each in await kept_audits(till)}

        await eventually(is_forgotten)
        assert len(await kept_audits(till)) <= 3


async def test_it_can_be_switched_off(till: Till) -> None:
    async with till.kept(audit_seconds=0):
        await till.buy(1)
        await till.until_settled()
        assert await kept_audits(till) == []


async def test_audits_take_turns_and_keep_to_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    # A tenth of the share that an audit has while it is at it, so it rests nine times as long.
    monkeypatch.setattr(self_audit, "SHARE", self_audit.SHARE_MEANWHILE / 10)
    rhythm = Rhythm(OFTEN)
    ended: list[float] = []

    async def take_a_turn() -> None:
        async with rhythm.turn():
            began = time.monotonic()
            assert all(began - end >= 0.09 for end in ended)
            await asyncio.sleep(0.01)
            ended.append(time.monotonic())

    await asyncio.gather(*(take_a_turn() for _ in range(3)))
    assert len(ended) == 3
