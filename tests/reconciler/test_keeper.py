"""What is sold reaches the ledger in order, once; what the ledger decides reaches Redis."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from drafts import LAMP, MUG
from ledger_proxy import LedgerProxy, ledger_proxy
from private_redis import PrivateRedis
from till import Till, cancelled_after, eventually, new_checkout

from lua import keys
from lua.replies import integer
from lua.server import Server
from lua.store import Applied, TooFew
from sql import sales
from sql.database import Database
from sql.faults import LedgerFault
from sql.outbox import is_pending
from sql.rebuilds import ask_for_rebuild
from sql.settlement import Payment, pay, release

SEED = int(os.environ.get("DOORBUSTER_TEST_SEED", random.randrange(1 << 32)))
BOTH = f"{LAMP}:2:500;{MUG}:1:500"


async def versions(till: Till) -> list[int]:
    rows = await till.database.rows("select version from reservation order by version")
    return [row["version"] for row in rows]


# Into the ledger


async def test_what_is_sold_is_in_the_ledger_in_the_order_of_its_versions(till: Till) -> None:
    async with till.kept():
        for number in (1, 128, 3, 60):
            await till.buy(number, line=BOTH)
        await till.check_books()
    assert await versions(till) == list(range(1, 193))


async def test_two_keepers_of_one_sale_commit_everything_once(till: Till) -> None:
    async with till.kept(2):
        for _ in range(30):
            await till.buy(20)
        await till.check_books()
    assert await versions(till) == list(range(1, 601))
    assert await till.outcomes() == ["rebuilt"]


async def test_a_keeper_that_is_cancelled_anywhere_leaves_the_rest_to_the_next(till: Till) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    async with till.kept():
        pass
    for _ in range(15):
        async with cancelled_after((await till.keeper()).run()):
            for each in await till.buy(20):
                if chance.random() < 0.2:
                    await release(till.database, each) if await is_known(till, each) else None
            await asyncio.sleep(chance.random() * 0.05)
    async with till.kept():
        await till.check_books()


async def is_known(till: Till, reservation: object) -> bool:
    return await till.count("reservation", f"id = '{reservation}'") == 1


async def test_a_backlog_of_full_batches_is_read_in_small_transactions(
    till: Till, database_url: str
) -> None:
    """After a trickle of single orders, too: the number of entries says little then."""
    async with till.kept():
        for _ in range(12):
            await till.buy(1)
            await till.until_settled()
        connection = await asyncpg.connect(database_url)
        async with connection.transaction():
            await connection.execute("select from checkpoint for update")
            await till.buy(1)
            await eventually(lambda: somebody_waits(till))
            await till.buy(20 * 128)
        await connection.close()
        await till.until_settled(20)
    row = await till.database.row(
        "select max(count) from (select count(*) from reservation group by xmin::text) each"
    )
    assert row is not None
    assert 128 < row[0] <= 16 * 128


async def somebody_waits(till: Till) -> bool:
    row = await till.database.row(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    return row is not None and row[0] > 0


async def test_a_postgres_that_ends_every_connection_loses_and_doubles_nothing(
    till: Till, database_url: str
) -> None:
    killer = await asyncpg.connect(database_url)
    async with till.kept():
        for _ in range(25):
            await till.buy(10)
            await killer.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        await killer.close()
        await eventually(lambda: has_answered(till))
        await till.check_books()
    assert await versions(till) == list(range(1, 251))


async def has_answered(till: Till) -> bool:
    try:
        return await till.count("reservation") >= 0
    except LedgerFault:  # a connection of the test's own, which was ended, too
        return False


@pytest.fixture
async def proxied(database_url: str, short_folder: Path) -> AsyncIterator[LedgerProxy]:
    """The ledger behind a proxy that can lose the answer to a COMMIT."""
    async with ledger_proxy(short_folder, database_url) as proxy:
        yield proxy


async def test_a_commit_whose_answer_was_lost_is_found_out(
    till: Till, proxied: LedgerProxy, server: Server
) -> None:
    async with Database(proxied.url) as database:
        behind = Till(database, server, till.sale_id)
        async with cancelled_after((await behind.keeper()).run()):
            await till.until_open()
            for _ in range(10):
                proxied.lose_next_commit()
                await till.buy(5)
                await till.until_settled()
    assert proxied.lost > 5
    async with till.kept():
        await till.check_books()
    assert await versions(till) == list(range(1, 51))


async def test_entries_go_when_they_were_committed_long_ago(
    database: Database, server: Server, sale_id: str
) -> None:
    till = Till(database, server, sale_id)
    await till.open(hold_seconds=4)
    async with till.kept():
        stream = keys.of_epoch(sale_id, (await till.record()).epoch).stream

        async def is_shorter() -> bool:
            return integer(await server.command("XLEN", stream)) < 250

        await asyncio.gather(*(till.buy(1) for _ in range(250)))
        await till.until_settled()
        await till.buy(1)
        await eventually(is_shorter)
        await till.buy(1)
        await till.until_settled()


# Into Redis


async def test_a_release_brings_its_units_back_and_a_payment_does_not(till: Till) -> None:
    async with till.kept():
        released, paid, _ = await till.buy(3, line=BOTH)
        await till.until_settled()
        await release(till.database, released)
        await pay(till.database, [Payment(reservation=paid, reference="payment")])
        await till.check_books()
        assert await till.available() == 10_000 - 4
        assert await till.available(MUG) == 10_000 - 2


async def test_a_rebuild_that_was_asked_for_is_done_once(till: Till) -> None:
    async with till.kept():
        await till.buy(3)
        await till.until_settled()
        before = (await till.record()).epoch
        asked = [
            await ask_for_rebuild(till.database, till.sale_id, actor="key:ops") for _ in range(2)
        ]
        assert len(set(asked)) == 1
        await eventually(partial(is_done, till, asked[0]))
        await till.until_open()
        assert (await till.record()).epoch == before + 1
        await till.check_books()
        acts = "select from act where what = 'sale.rebuild' and subject = $1"
        assert len(await till.database.rows(acts, till.sale_id)) == 1
        by_hand = "why like '%asked for by key:ops' and outcome = 'rebuilt'"
        assert await till.count("recovery", by_hand) == 1


async def is_done(till: Till, key: str) -> bool:
    return not await is_pending(till.database, till.sale_id, [("rebuild", key)])


async def test_grants_travel_and_are_installed_once(till: Till) -> None:
    async with till.kept():
        for number in range(5):
            await sales.grant(
                till.database, till.sale_id, sku=LAMP, units=10, request=f"{number}", context={}
            )
        await till.check_books()
        assert await till.available() == 10_050


async def test_an_item_that_begins_with_nothing_can_be_granted_units(
    database: Database, server: Server, sale_id: str
) -> None:
    till = Till(database, server, sale_id)
    await till.open({LAMP: 0, MUG: 1})
    async with till.kept():
        with pytest.raises(AssertionError, match="Short"):
            await till.buy(1)
        await sales.grant(database, sale_id, sku=LAMP, units=2, request="pallet", context={})
        await till.until_settled()
        await till.buy(2)
        await till.check_books()


async def test_states_travel_in_order(till: Till) -> None:
    async with till.kept():
        for act, state in (("pause", "paused"), ("resume", "open"), ("close", "closed")):
            await sales.change_state(till.database, till.sale_id, act)
            await till.until_settled()
            assert (await till.record()).state == state
        await till.check_books()


async def test_an_act_is_felt_within_a_second(till: Till) -> None:
    async with till.kept():
        await asyncio.sleep(1)  # so that everybody looks as seldom as they ever do
        await sales.change_state(till.database, till.sale_id, "pause")
        await till.until_settled(1)
        assert (await till.record()).state == "paused"


async def test_units_that_an_operator_takes_out_are_followed(till: Till) -> None:
    async with till.kept():
        (epoch, lower) = (await till.record()).epoch, till.store.lower
        reply = await lower(epoch, request="one", sku=LAMP, units=9_000, context='{"reason": "x"}')
        assert isinstance(reply, Applied)
        reply = await lower(epoch, request="two", sku=LAMP, units=1_001, context="{}")
        assert reply == TooFew(available=1_000)
        await till.check_books()
        (lamp, _) = await sales.read_items(till.database, till.sale_id)
        assert (lamp.lowered, lamp.granted) == (9_000, 1_000)


async def test_a_grant_while_redis_is_away_arrives_later_and_once(
    private_till: Till, private_redis: PrivateRedis
) -> None:
    till = private_till
    async with till.kept():
        await till.buy(5)
        await till.until_settled()
        await private_redis.kill()
        await sales.grant(
            till.database, till.sale_id, sku=LAMP, units=7, request="pallet", context={}
        )
        await sales.change_state(till.database, till.sale_id, "pause")
        await private_redis.start()
        await till.check_books()
        assert await till.available() == 10_000 - 5 + 7
        assert (await till.record()).state == "paused"


async def test_rows_that_become_visible_out_of_order_are_told_all(
    till: Till, database_url: str
) -> None:
    """A transaction with a lower number may commit after one with a higher number was told."""
    async with till.kept():
        slow, fast = await till.buy(2)
        await till.until_settled()
        connection = await asyncpg.connect(database_url)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "insert into outbox (sale_id, kind, key, body) values ($1, 'return', $2, $2 || 'r')",
            till.sale_id,
            slow.hex,
        )
        await release(till.database, fast)
        await till.until_settled(3)
        await connection.execute(
            "update reservation set state = 'released', settled_at = now() where id = $1", slow
        )
        await connection.execute("update item set taken = taken - 1 where sku = $1", LAMP)
        await transaction.commit()
        await connection.close()
        await till.until_settled(3)
        await till.check_books()


# Defects stay where they are


async def test_one_sale_that_nobody_can_read_does_not_stop_another(
    till: Till, database: Database, server: Server
) -> None:
    other = Till(database, server, f"{till.sale_id}-other")
    await other.open()
    async with till.kept(), other.kept():
        record = await till.record()
        stream = keys.of_epoch(till.sale_id, record.epoch).stream
        await server.command("XADD", stream, "1-0", "kind", "of a later release")
        await server.command("HSET", keys.record(till.sale_id), "version", 1)
        for _ in range(3):
            await other.buy(10)
            await other.check_books()
        assert (await till.checkpoint()).version == 0


async def test_what_nobody_kept_for_a_while_is_followed_from_where_it_stood(till: Till) -> None:
    async with till.kept():
        await till.buy(10)
    await till.buy(200)
    assert await till.store.admit(till.epoch, till.witness, [new_checkout().encode()])
    async with till.kept():
        await till.until_settled()
    assert await till.count("reservation") == 211
