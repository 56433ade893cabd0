"""What an audit found is kept as it was, and told once, however much of it there is."""

import asyncio
from dataclasses import replace

import pytest_asyncio
from drafts import draft, open_sale

from sql.alarms import open_alarms
from sql.audit_log import (
    AuditBooks,
    AuditDrift,
    AuditFinding,
    AuditSums,
    keep_audit,
    keep_failure,
    last_audits,
)
from sql.database import Database

BOOKS = AuditBooks(
    epoch=3,
    version=7,
    ledger_version=9,
    reservations=2,
    sums=AuditSums(items=1, granted=10, taken=2, rows=2, mirror=8, available=8, held=2),
    findings=(AuditFinding(invariant="I1", statement="it adds up", compared=3, differ=0),),
    drifts=(),
    keys=(),
)
# As many as a large sale has items, with names as long as they may be.
EVERYWHERE = tuple(f"mirror:{number:064}" for number in range(2000))


@pytest_asyncio.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    await open_sale(database, draft(sale_id))
    return database


async def test_it_comes_back_as_it_was(ledger: Database, sale_id: str) -> None:
    drift = AuditDrift(kind="stock", subject="LAMP-1", says="Frühschoppen, 50 %", units=-1)
    drifted = replace(BOOKS, drifts=(drift,), keys=("stock:LAMP-1",))
    await keep_audit(ledger, sale_id, drifted, milliseconds=1.5, alarm="a test")
    await keep_failure(ledger, sale_id, "the ledger was behind", milliseconds=2.5)
    failed, kept = await last_audits(ledger, sale_id=sale_id, count=5)
    assert (failed.why, failed.books) == ("the ledger was behind", None)
    assert (kept.why, kept.books, kept.milliseconds) == (None, drifted, 1.5)
    assert await last_audits(ledger) == [failed]


async def test_a_drift_in_every_item_is_one_alarm_whoever_finds_it(
    ledger: Database, sale_id: str
) -> None:
    drifted = replace(BOOKS, keys=EVERYWHERE)
    finding = (
        keep_audit(ledger, sale_id, drifted, milliseconds=1, alarm="a test") for _ in range(3)
    )
    await asyncio.gather(*finding)
    assert len(await open_alarms(ledger, sale_id)) == 1


async def test_a_failure_in_between_makes_no_news(ledger: Database, sale_id: str) -> None:
    drifted = replace(BOOKS, keys=("stock:LAMP-1",))
    assert await keep_audit(ledger, sale_id, drifted, milliseconds=1, alarm="a test")
    await keep_failure(ledger, sale_id, "the ledger was behind", milliseconds=1)
    assert not await keep_audit(ledger, sale_id, drifted, milliseconds=1, alarm="a test")
    assert not await keep_audit(ledger, sale_id, BOOKS, milliseconds=1, alarm="a test")
    assert await keep_audit(ledger, sale_id, drifted, milliseconds=1, alarm="a test")
