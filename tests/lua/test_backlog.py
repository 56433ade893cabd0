"""The bound that holds while the ledger does not read on, and the barrier of a replay."""

import pytest
from selling import LAMP, Offer, Sale, wish

from lua import keys
from lua.admission import Admitted, Decided, LedgerBehind, Replayed
from lua.server import Server

pytestmark = pytest.mark.every_redis

OFFER = {LAMP: Offer(units=100)}
LONG_AGO_MS = 1_000_000_000_000


async def _follow(sale: Sale, committed: int) -> None:
    await sale.store.follow(sale.epoch, committed=committed, trim_below=0, count=10)


async def _set(sale: Sale, field: str, value: int) -> None:
    await sale.server.command("HSET", keys.record(sale.store.sale_id), field, value)


async def test_no_more_is_admitted_than_may_wait_for_the_ledger(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open(OFFER, backlog_limit=3)
    outcomes = await sale.admit(*[wish(number) for number in range(5)])
    assert outcomes[:3] == [Admitted(version=1), Admitted(version=2), Admitted(version=3)]
    assert outcomes[3:] == [LedgerBehind(), LedgerBehind()]
    assert await sale.available() == 97


async def test_what_the_ledger_has_read_makes_room(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    await sale.open(OFFER, backlog_limit=2)
    await sale.admit(wish(1), wish(2))
    assert await sale.admit(wish(3)) == [LedgerBehind()]
    await _follow(sale, committed=1)
    assert await sale.admit(wish(4), wish(5)) == [Admitted(version=3), LedgerBehind()]


async def test_a_replay_is_answered_however_far_the_ledger_is_behind(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open(OFFER, backlog_limit=1)
    await sale.admit(wish(1))
    again, new = await sale.admit(wish(1), wish(2))
    assert isinstance(again, Replayed)
    assert new == LedgerBehind()


async def test_nothing_is_admitted_once_the_oldest_unread_change_is_too_old(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open(OFFER, stall_limit_ms=0)
    await _set(sale, "progress_at_ms", LONG_AGO_MS)
    assert await sale.admit(wish(1)) == [Admitted(version=1)]
    first = (await sale.entries())[0]
    while (await sale.record()).now_ms <= first.at_ms:
        pass
    assert await sale.admit(wish(2)) == [LedgerBehind()]
    await _follow(sale, committed=1)
    assert await sale.admit(wish(3)) == [Admitted(version=2)]


async def test_a_sale_that_was_quiet_for_long_is_not_taken_for_a_stalled_one(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open(OFFER, stall_limit_ms=60_000)
    await _set(sale, "progress_at_ms", LONG_AGO_MS)
    assert await sale.admit(wish(1)) == [Admitted(version=1)]
    assert await sale.admit(wish(2)) == [Admitted(version=2)]


async def test_progress_of_the_ledger_is_noted_by_the_redis_clock(sale: Sale) -> None:
    await sale.admit(wish(1))
    await _set(sale, "progress_at_ms", LONG_AGO_MS)
    await _follow(sale, committed=0)
    record = (await sale.contents()).record
    assert record["progress_at_ms"] == str(LONG_AGO_MS)
    await _follow(sale, committed=1)
    now_ms = (await sale.record()).now_ms
    noted_ms = int((await sale.contents()).record["progress_at_ms"])
    assert now_ms - 10_000 < noted_ms <= now_ms


async def test_a_replay_writes_where_replicas_must_have_it(sale: Sale) -> None:
    """WAIT covers what its connection has written: with nothing written it would prove nothing."""
    await sale.admit(wish(1))
    before = await sale.everything()
    await sale.store.admit(sale.epoch, 0, [wish(1)])
    assert await sale.everything() == before
    decided = await sale.store.admit(sale.epoch, 0, [wish(1)], replicas=1)
    assert "barrier" in (await sale.contents()).record
    assert isinstance(decided, Decided)
    assert isinstance(decided.outcomes[0], Replayed)
    assert not decided.replicated
