"""The follow script: the reconciler notes what is committed, trims, and reads on."""

import pytest
from selling import LAMP, Offer, Sale, reservation, wish

from lua import keys
from lua.entry import Kind
from lua.server import Server
from lua.store import Followed

pytestmark = pytest.mark.every_redis


async def follow(sale: Sale, committed: int, *, trim_below: int = 0, count: int = 100) -> Followed:
    followed = await sale.store.follow(
        sale.epoch, committed=committed, trim_below=trim_below, count=count
    )
    assert isinstance(followed, Followed), followed
    return followed


async def test_the_history_is_read_in_order_from_the_checkpoint(sale: Sale) -> None:
    await sale.admit(wish(1), wish(2))
    await sale.store.grant(1, sku=LAMP, raised=20, revision=2)
    await sale.store.return_units(1, [f"{reservation(1)}x"])
    await sale.store.lower(1, request="r", sku=LAMP, units=1, context="{}")
    await sale.store.change_state(1, state="closed", opens_at_ms=0, closes_at_ms=0, revision=2)
    followed = await follow(sale, 0)
    assert followed.version == 6
    assert [entry.kind for entry in followed.entries] == [
        Kind.ADMISSIONS,
        Kind.GRANT,
        Kind.RETURNS,
        Kind.LOWERING,
        Kind.STATE,
    ]
    assert [entry.first for entry in (await follow(sale, 4)).entries] == [5, 6]
    assert (await follow(sale, 6)).entries == []


async def test_no_more_entries_are_read_than_asked_for(sale: Sale) -> None:
    for number in range(5):
        await sale.admit(wish(number, customer=str(number)))
    assert [entry.last for entry in (await follow(sale, 1, count=2)).entries] == [2, 3]


async def test_committed_only_grows_and_is_told_as_it_was(sale: Sale) -> None:
    await sale.admit(wish(1), wish(2), wish(3))
    told = [(await follow(sale, committed)).committed for committed in (1, 3, 2, 3)]
    assert told == [0, 1, 3, 3]
    assert (await sale.record()).committed == 3


async def test_what_a_refused_caller_has_seen_is_told(sale: Sale) -> None:
    await sale.store.admit(1, 44, [wish(1)])
    assert (await follow(sale, 0)).seen == 44


async def test_a_checkpoint_ahead_of_the_record_reads_nothing(sale: Sale) -> None:
    await sale.admit(wish(1))
    followed = await follow(sale, 9)
    assert (followed.version, followed.entries) == (1, [])


async def test_following_changes_neither_stock_nor_version(sale: Sale) -> None:
    await sale.admit(wish(1))
    before = await sale.everything()
    await follow(sale, 0)
    assert await sale.everything() == before


async def test_what_was_committed_may_be_trimmed(server: Server, sale_id: str) -> None:
    sale = await _with_many_entries(server, sale_id)
    await follow(sale, 400, trim_below=400)
    first = (await sale.entries())[0].last
    assert 1 < first <= 400
    assert (await follow(sale, 400)).entries[0].first == 401


async def test_what_the_ledger_has_not_read_is_never_trimmed(server: Server, sale_id: str) -> None:
    sale = await _with_many_entries(server, sale_id)
    await follow(sale, 10, trim_below=400)
    assert (await follow(sale, 10)).entries[0].first == 11


async def test_an_empty_stream_goes_on_with_the_next_version(sale: Sale) -> None:
    await sale.admit(wish(1))
    await sale.server.command("XTRIM", keys.of_epoch(sale.store.sale_id, 1).stream, "MAXLEN", 0)
    await sale.admit(wish(2))
    assert [entry.first for entry in (await follow(sale, 1)).entries] == [2]
    await sale.begin(1)


async def _with_many_entries(server: Server, sale_id: str) -> Sale:
    """So many that the stream has several nodes: it is trimmed by whole nodes."""
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=500)}, reservations_per_customer=500)
    for number in range(500):
        await sale.admit(wish(number))
    return sale
