"""The audit is exact while a sale goes on, and each of its checks can fail."""

import asyncio
from typing import Any

import pytest
from tampering import TAMPERINGS, Tampering
from till import Till, cancelled_after

import sql.database
from lua import keys
from reconciler import audit as auditing
from reconciler import comparison
from reconciler.audit import CannotAudit, audit
from reconciler.drift import DriftKind
from reconciler.pace import Pace
from reconciler.redis_cut import RedisCut
from sql.database import Database
from sql.settlement import release


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


async def test_a_ledger_that_was_restored_meanwhile_is_not_compared(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with till.kept():
        await till.buy(1)
    await till.buy(1)

    async def it_was_there(*_: object) -> None:
        """The ledger had got so far, and went back before it was read."""

    monkeypatch.setattr(auditing, "_wait_for_ledger", it_was_there)
    with pytest.raises(CannotAudit, match="again and again"):
        await audit(till.database, till.store)


async def test_what_is_not_proven_cannot_be_audited(till: Till) -> None:
    async with till.kept():
        await till.until_settled()
    await till.server.command("HSET", keys.record(till.sale_id), "replid", "another server")
    async with asyncio.timeout(10):
        with pytest.raises(CannotAudit, match="not proven"):
            await audit(till.database, till.store)


async def test_a_transaction_of_the_ledger_is_not_left_to_rest(
    till: Till, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the sums take: Postgres ends a transaction in which nothing happens."""
    add_up = comparison._buyers

    async def slowly(redis: RedisCut, pace: Pace) -> Any:
        await asyncio.sleep(1)
        return await add_up(redis, pace)

    monkeypatch.setattr(sql.database, "IDLE_TIMEOUT", "300ms")
    monkeypatch.setattr(comparison, "_buyers", slowly)
    async with till.kept():
        await till.buy(5)
        await till.until_settled()
    async with Database(database_url) as database:
        assert (await audit(database, till.store)).clean
