"""A sale whose Redis lost something comes back with everything that can be known, and no more."""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from drafts import LAMP, MUG
from private_redis import PrivateRedis
from till import Till, cancelled_after, eventually, new_checkout
from waiting import until

from lua import keys
from lua.faults import NothingHappened, OutcomeUnknown
from lua.replies import Reply
from lua.server import Argument, Server
from lua.store import SaleStore
from reconciler import keeper, recovery
from reconciler.recovery import Abandoned, Recovery
from reconciler.server_facts import rewrite_log
from sql.database import Database
from sql.settlement import expire, release

SEED = int(os.environ.get("DOORBUSTER_TEST_SEED", random.randrange(1 << 32)))
every_redis = pytest.mark.every_redis


@pytest.fixture
async def sold(private_till: Till) -> Till:
    """300 lamps are sold, the ledger knows of each, and nobody keeps the sale any more."""
    async with private_till.kept():
        await private_till.buy(300)
        await private_till.until_settled()
    return private_till


async def report(till: Till) -> None:
    """A gateway that has seen the last version comes with another checkout, and is refused."""
    await till.store.admit(till.epoch, till.witness, [new_checkout().encode()])


def of_epoch(till: Till) -> keys.EpochKeys:
    return keys.of_epoch(till.sale_id, till.epoch)


# Nothing was lost


@every_redis
async def test_a_restarted_server_is_adopted_within_a_second(
    private_till: Till, private_redis: PrivateRedis
) -> None:
    till = private_till
    async with till.kept():
        await till.buy(300)
        before = (await till.record()).items
        await private_redis.restart()
        began = time.monotonic()
        await till.until_open()
        assert time.monotonic() - began < 1
        assert (await till.record()).items == before
        await till.buy(10)
        await till.check_books()
    assert await till.outcomes() == ["rebuilt", "adopted"]
    assert await till.alarms() == []


@every_redis
async def test_what_the_ledger_had_not_read_is_read_before_it_is_adopted(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await sold.buy(200)
    await private_redis.restart()
    async with sold.kept():
        await sold.check_books()
    assert await sold.count("reservation") == 500
    assert await sold.outcomes() == ["rebuilt", "adopted"]


class MovedInBetween(Server):
    """Gets another replication id while its log is rewritten, once.

    A primary does so when the first replica attaches after a restart.
    """

    moved = False

    async def command(self, *words: Argument) -> Reply:
        if words == ("BGREWRITEAOF",) and not self.moved:
            self.moved = True
            await super().command("REPLICAOF", "127.0.0.1", 1)
            await super().command("REPLICAOF", "NO", "ONE")
        return await super().command(*words)


async def test_what_lost_nothing_is_adopted_though_a_replica_attaches_in_between(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await private_redis.restart()
    async with MovedInBetween(private_redis.url) as server:
        store = SaleStore(server, sold.sale_id)
        recovering = Recovery(sold.database, store)
        with pytest.raises(Abandoned):
            await recovering.run("a test", rebuild=False)
        await recovering.run("a test", rebuild=False)
    assert await sold.outcomes() == ["rebuilt", "adopted"]
    assert await sold.alarms() == []


async def test_an_adopted_hold_keeps_its_time_whatever_the_clock_of_this_host_says(
    sold: Till, private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bought,) = await sold.buy(1)
    await private_redis.restart()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)
    async with sold.kept():
        await sold.until_settled()
    assert await sold.count("reservation", f"id = '{bought}' and deadline > now() + '590 s'") == 1


async def test_what_survived_is_taken_although_a_context_in_it_cannot_be_read(
    sold: Till, private_redis: PrivateRedis
) -> None:
    unreadable = new_checkout()._replace(context='{"subject": ')
    await sold.decide([new_checkout(), unreadable, new_checkout()])
    await private_redis.restart()
    async with sold.kept():
        await sold.check_books()
    assert await sold.count("parked") == 1


async def test_the_first_opening_is_a_rebuild_of_nothing_and_no_alarm(private_till: Till) -> None:
    async with private_till.kept():
        await private_till.buy(1)
        await private_till.check_books()
    assert await private_till.outcomes() == ["rebuilt"]
    assert await private_till.alarms() == []


# Something was lost


@every_redis
async def test_an_emptied_server_is_rebuilt_and_says_what_was_lost(sold: Till) -> None:
    await release(sold.database, next(iter(sold.told)))
    await sold.buy(20)
    await sold.server.command("FLUSHALL")
    await report(sold)
    async with sold.kept():
        await sold.check_books(lost=20)
        await sold.buy(10)
        await sold.check_books(lost=20)
    assert await sold.outcomes() == ["rebuilt", "rebuilt"]
    (alarm,) = await sold.alarms()
    assert "at version 300 " in alarm
    assert "up to 20 acknowledged changes were lost" in alarm


async def test_a_loss_that_is_reported_only_later_raises_an_alarm_of_its_own(sold: Till) -> None:
    await sold.buy(20)
    await sold.server.command("FLUSHALL")
    async with sold.kept():
        first = await sold.alarms()
        assert "up to 0 acknowledged changes" in first[0]
        await report(sold)
        await eventually(lambda: _has_alarms(sold, 2), seconds=3)
        await report(sold)
        await sold.check_books(lost=20)
    assert (await sold.alarms())[1].startswith(f"epoch {sold.epoch} ended at version 300, and ")
    assert "up to 20 acknowledged changes were lost" in (await sold.alarms())[1]
    assert len(await sold.alarms()) == 2


async def _has_alarms(till: Till, count: int) -> bool:
    return len(await till.alarms()) >= count


@every_redis
async def test_a_lost_tail_is_drained_as_far_as_it_is_there(
    sold: Till, private_redis: PrivateRedis
) -> None:
    for _ in range(10):
        await sold.buy(1)
    await private_redis.kill()
    private_redis.cut(700)  # some entries, the last of them in the middle
    await private_redis.start()
    left = (await sold.record()).version - 300
    assert 0 < left < 10
    async with sold.kept():
        await sold.check_books(lost=10 - left)
        await report(sold)
        await eventually(lambda: _has_alarms(sold, 1), seconds=3)
    assert await sold.outcomes() == ["rebuilt", "adopted"]
    assert f"up to {10 - left} acknowledged changes" in (await sold.alarms())[0]


async def test_a_lost_tail_that_somebody_has_seen_is_never_adopted(
    sold: Till, private_redis: PrivateRedis
) -> None:
    for _ in range(10):
        await sold.buy(1)
    await private_redis.kill()
    private_redis.cut(700)
    await private_redis.start()
    left = (await sold.record()).version - 300
    await report(sold)
    async with sold.kept():
        await sold.check_books(lost=10 - left)
    assert await sold.outcomes() == ["rebuilt", "rebuilt"]
    assert f"up to {10 - left} acknowledged changes" in (await sold.alarms())[0]


async def test_what_was_sold_out_is_not_sold_again_after_a_loss(
    database: Database, private_redis: PrivateRedis, sale_id: str
) -> None:
    async with Server(private_redis.url) as server:
        till = Till(database, server, sale_id)
        await till.open({LAMP: 100, MUG: 1})
        async with till.kept():
            await till.buy(60)
            await till.until_settled()
        for _ in range(40):
            await till.buy(1)
        await private_redis.kill()
        private_redis.cut(3000)
        await private_redis.start()
        async with till.kept():
            await till.until_settled()
            left = await till.available()
            assert 0 < left < 40
            await till.buy(left)
            with pytest.raises(AssertionError, match="Short"):
                await till.buy(1)
            await till.check_books(lost=left)


@every_redis
@pytest.mark.parametrize("outcome", ["adopted", "rebuilt"])
async def test_a_torn_transaction_does_not_come_back_at_the_second_restart(
    sold: Till, private_redis: PrivateRedis, outcome: str
) -> None:
    """Redis 7.0 leaves it in the file, in front of what is appended afterwards."""
    await sold.buy(1)
    await sold.buy(1)
    await private_redis.kill()
    private_redis.cut(3)  # in the middle of its EXEC
    await private_redis.start()
    if outcome == "rebuilt":
        await report(sold)
    async with sold.kept():
        await sold.buy(5)
        await sold.until_settled()
        await private_redis.restart()
        await sold.check_books(lost=1)
    assert await sold.outcomes() == ["rebuilt", outcome, "adopted"]


# Something was damaged


@every_redis
async def test_a_stream_that_is_gone_with_what_nobody_had_read(sold: Till) -> None:
    await sold.buy(20)
    await sold.server.command("DEL", of_epoch(sold).stream)
    async with sold.kept():
        await eventually(lambda: _has_alarms(sold, 1))
        await sold.check_books(lost=20)
    assert "up to 20 acknowledged changes were lost" in (await sold.alarms())[-1]


async def test_a_stream_with_a_hole(sold: Till) -> None:
    for _ in range(3):
        await sold.buy(5)
    await sold.server.command("XDEL", of_epoch(sold).stream, "310-0")
    async with sold.kept():
        await eventually(lambda: _has_alarms(sold, 1))
        await sold.check_books(lost=10)
    assert "a gap" in (await sold.alarms())[0]


async def test_an_entry_that_no_script_wrote(sold: Till) -> None:
    await sold.buy(1)
    body = f"{UUID(int=1).hex}nobody's"
    await sold.server.command(
        "XADD", of_epoch(sold).stream, "302-0", "kind", "admissions", "epoch", sold.epoch,
        "first", 302, "at_ms", 1, "stock", "-", "body", body,
    )  # fmt: skip
    await sold.server.command("HSET", keys.record(sold.sale_id), "version", 302)
    async with sold.kept():
        await eventually(lambda: _has_alarms(sold, 1))
        await sold.check_books()


async def test_stock_that_somebody_changed_by_hand(sold: Till) -> None:
    await sold.server.command("HINCRBY", keys.record(sold.sale_id), f"available:{LAMP}", 1000)
    async with sold.kept():
        await sold.buy(1)
        await eventually(lambda: _has_alarms(sold, 2))
        await sold.check_books(lost=1)
    assert "left in Redis" in (await sold.alarms())[0]
    assert "up to 1 acknowledged changes were lost" in (await sold.alarms())[1]
    assert await sold.outcomes() == ["rebuilt", "rebuilt"]


async def test_stock_that_somebody_changed_by_hand_before_a_restart(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await sold.server.command("HINCRBY", keys.record(sold.sale_id), f"available:{LAMP}", 1000)
    await private_redis.restart()
    async with sold.kept():
        await sold.check_books()
    assert (await sold.alarms())[0] == f"not adopted: available:{LAMP} differs"
    assert await sold.outcomes() == ["rebuilt", "rebuilt"]


async def test_a_reservation_that_is_gone_is_missed_at_once(sold: Till) -> None:
    await sold.server.command("HDEL", of_epoch(sold).reservations, next(iter(sold.told)).hex)
    async with sold.kept():
        await eventually(lambda: _has_alarms(sold, 1))
        await sold.check_books()
    assert (await sold.alarms())[0] == "not adopted: reservations differs"


async def test_a_reservation_that_is_another_is_missed_when_its_units_come_back(sold: Till) -> None:
    gone, name = next(iter(sold.told)), of_epoch(sold).reservations
    stored = await sold.store.find(sold.epoch, gone.hex)
    assert stored is not None
    await sold.server.command("HDEL", name, gone.hex)
    await sold.server.command("HSET", name, UUID(int=1).hex, stored)
    await release(sold.database, gone)
    async with sold.kept():
        await eventually(lambda: _has_alarms(sold, 1))
        await sold.check_books()
    (alarm,) = await sold.alarms()
    assert "Redis misses 1 settled reservations" in alarm


async def test_a_reservation_that_is_gone_is_missed_after_a_restart(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await sold.server.command("HDEL", of_epoch(sold).reservations, next(iter(sold.told)).hex)
    await private_redis.restart()
    async with sold.kept():
        await sold.check_books()
    assert (await sold.alarms())[0] == "not adopted: reservations differs"


async def test_a_record_without_a_field_that_recovery_needs(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await sold.server.command("HDEL", keys.record(sold.sale_id), "committed")
    await private_redis.restart()
    async with sold.kept():
        await sold.check_books()
    assert await sold.outcomes() == ["rebuilt", "rebuilt"]


# The ledger went back


TABLES = ("checkpoint", "item", "reservation", "outbox", "recovery", "adjustment")


async def keep_copy(database: Database) -> None:
    for table in TABLES:
        await database.execute(f"create table {table}_copy as table {table}")


async def bring_back(database: Database) -> None:
    """What a restore from a backup does, without the restart."""
    async with database.transaction() as connection:
        await connection.execute(f"truncate {', '.join(TABLES)}")
        for table in TABLES:
            copy = f"insert into {table} overriding system value table {table}_copy"
            await connection.execute(copy)


async def test_a_ledger_that_went_back_reads_again_what_the_stream_still_has(sold: Till) -> None:
    await keep_copy(sold.database)
    async with sold.kept():
        await sold.buy(50)
        await sold.until_settled()
        await bring_back(sold.database)
        # Nothing is sold; it is noticed all the same.
        await eventually(lambda: _has_alarms(sold, 1))
        await sold.check_books()
    assert (await sold.alarms())[0].startswith(
        "the ledger was rolled back: it stands at version 300"
    )
    assert await sold.outcomes() == ["rebuilt", "adopted"]


async def test_a_ledger_that_went_back_while_redis_restarted(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await keep_copy(sold.database)
    async with sold.kept():
        await sold.buy(50)
        await sold.until_settled()
    await bring_back(sold.database)
    await private_redis.restart()
    async with sold.kept():
        await sold.check_books()
    assert (await sold.alarms())[0].startswith("the ledger was rolled back")


async def test_what_a_restored_ledger_has_ended_again_ends_as_the_history_says(
    sold: Till,
) -> None:
    """The sweeper may be faster than whoever notices: what was released before is held again."""
    await keep_copy(sold.database)
    bought = list(sold.told)[:3]
    async with sold.kept():
        for each in bought:
            await release(sold.database, each)
        await sold.until_settled()
    await bring_back(sold.database)
    await sold.database.execute(
        "update reservation set deadline = now() - interval '1 hour' where id = any($1)", bought
    )
    assert await expire(sold.database, sold.sale_id, count=9, usual_pause=timedelta(hours=1)) == 3
    async with sold.kept():
        await sold.check_books()
    assert await sold.count("reservation", "state = 'released'") == 3
    assert await sold.outcomes() == ["rebuilt", "adopted"]


async def test_returns_that_the_ledger_forgot_it_had_asked_for(sold: Till) -> None:
    """They are read, and contradict it: the rebuild follows the ledger, which is the truth."""
    await keep_copy(sold.database)
    bought = list(sold.told)
    async with sold.kept():
        for each in bought[:3]:
            await release(sold.database, each)
        await sold.until_settled()
        await bring_back(sold.database)
        await eventually(lambda: _has_alarms(sold, 3))
        await sold.check_books()
    assert "returns were read, 0 were asked for" in (await sold.alarms())[1]
    assert await sold.count("reservation", "state = 'held'") == 300


async def test_a_ledger_that_went_back_behind_an_epoch(sold: Till) -> None:
    await keep_copy(sold.database)
    await sold.server.command("FLUSHALL")
    async with sold.kept():
        await sold.buy(5)
        await sold.until_settled()
        await bring_back(sold.database)
        await eventually(lambda: _has_alarms(sold, 2))
        await sold.check_books(lost=5)
    assert any("up to 5 acknowledged changes were lost" in each for each in await sold.alarms())


async def test_both_went_back_and_gateways_know_a_later_epoch(sold: Till) -> None:
    """Else they would refuse the sale for ever, each with the epoch that it remembers."""
    await keep_copy(sold.database)
    for _ in range(3):
        await sold.server.command("FLUSHALL")
        async with sold.kept():
            await sold.buy(1)
            await sold.until_settled()
    await bring_back(sold.database)
    await sold.server.command("FLUSHALL")
    async with sold.kept():
        await sold.buy(1)
        await sold.check_books(lost=3)


# Another server


@pytest.fixture
async def replicas(short_folder: Path) -> AsyncIterator[list[PrivateRedis]]:
    """Two servers that can replicate, which takes TCP."""
    async with AsyncExitStack() as stack:
        servers = [PrivateRedis(short_folder / name, options=replicating()) for name in "ab"]
        for each in servers:
            await each.start()
            stack.push_async_callback(each.stop)
        yield servers


def replicating() -> dict[str, str]:
    address = {"port": str(free_port()), "bind": "127.0.0.1"}
    return address | {"repl-diskless-sync-delay": "0"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def test_a_promoted_replica_that_lagged_is_never_adopted_as_it_is(
    replicas: list[PrivateRedis], database: Database, sale_id: str
) -> None:
    primary, replica = replicas
    async with Server(primary.url) as one, Server(replica.url) as two:
        await two.command("REPLICAOF", "127.0.0.1", primary.port)
        till = Till(database, one, sale_id)
        await till.open()
        async with till.kept():
            await till.buy(100)
            await till.until_settled()
        await eventually(lambda: _has_a_copy(one))
        await two.command("REPLICAOF", "NO", "ONE")
        # The ledger follows the old primary for a moment; the new one has never heard of that.
        async with till.kept():
            await till.buy(30)
            await till.until_settled()
        await primary.kill()

        promoted = Till(database, two, sale_id)
        promoted.told, promoted.epoch, promoted.witness = till.told, till.epoch, till.witness
        assert not await promoted.is_open()
        async with promoted.kept():
            await promoted.buy(10)
            await promoted.check_books()
    assert await promoted.outcomes() == ["rebuilt", "rebuilt"]


async def _has_a_copy(server: Server) -> bool:
    return await server.command("WAIT", 1, 100) == 1


# What a server does not let us do


async def test_where_the_log_cannot_be_rewritten_it_is_rebuilt(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await private_redis.restart()
    await sold.server.command("ACL", "SETUSER", "default", "-bgrewriteaof")
    async with sold.kept():
        await sold.check_books()
    assert await sold.outcomes() == ["rebuilt", "rebuilt"]


async def test_where_the_configuration_is_hidden_nothing_is_promised(
    sold: Till, private_redis: PrivateRedis
) -> None:
    await private_redis.restart()
    await sold.server.command("ACL", "SETUSER", "default", "-config")
    async with sold.kept():
        assert (await sold.record()).proof.durability == "memory"
    assert await sold.outcomes() == ["rebuilt", "adopted"]


async def test_a_rewrite_that_fails_is_none(sold: Till, private_redis: PrivateRedis) -> None:
    await sold.server.command("CONFIG", "SET", "rdb-key-save-delay", 200_000)
    rewriting = asyncio.create_task(rewrite_log(sold.server))
    await until(lambda: children_of(private_redis.pid) != [])
    os.kill(children_of(private_redis.pid)[0], signal.SIGKILL)
    assert await rewriting is False
    await sold.server.command("CONFIG", "SET", "rdb-key-save-delay", 0)
    assert await rewrite_log(sold.server) is True


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


async def test_a_rewrite_that_another_sale_began_is_waited_for(sold: Till) -> None:
    await sold.server.command("CONFIG", "SET", "rdb-key-save-delay", 20_000)
    assert all(await asyncio.gather(*(rewrite_log(sold.server) for _ in range(3))))
    info = await sold.server.command("INFO", "persistence")
    assert isinstance(info, bytes)
    assert b"aof_rewrite_in_progress:0" in info


async def test_attempts_that_fail_leave_nothing_behind(sold: Till) -> None:
    """Where memory is short, the next one would find less room than the last."""
    await sold.server.command("FLUSHALL")
    store = FailsHalfway(sold.server, sold.sale_id)
    attempts = Recovery(sold.database, store)
    for _ in range(3):
        with pytest.raises(NothingHappened):
            await attempts.run("emptied", rebuild=False)
    store.fails = False
    await attempts.run("emptied", rebuild=False)
    names = await sold.server.command("KEYS", f"{keys.record(sold.sale_id)}:*:reservations")
    assert isinstance(names, list)
    assert len(names) == 1
    async with sold.kept():
        await sold.check_books()


class FailsHalfway(SaleStore):
    """A store whose server has room for the reservations, and then no more."""

    fails = True

    async def install(
        self, epoch: int, *, reservations: Mapping[str, str], customers: Mapping[str, str]
    ) -> None:
        if customers and self.fails:
            raise NothingHappened("OOM")
        await super().install(epoch, reservations=reservations, customers=customers)


async def test_a_server_that_is_full_is_tried_again_until_there_is_room(sold: Till) -> None:
    await sold.server.command("FLUSHALL")
    await sold.server.command("CONFIG", "SET", "maxmemory", 1)
    begun = (await sold.checkpoint()).epoch

    async def has_tried() -> bool:
        return (await sold.checkpoint()).epoch >= begun + 3

    async with cancelled_after((await sold.keeper()).run()):
        await eventually(has_tried)
        await sold.server.command("CONFIG", "SET", "maxmemory", 0)
        await sold.check_books()


async def test_a_sale_that_was_adopted_by_a_full_server_sells_once_there_is_room(
    sold: Till, private_redis: PrivateRedis
) -> None:
    """The bound of the backlog is found out once an epoch, and memory is freed within one."""
    await private_redis.restart()
    await sold.server.command("CONFIG", "SET", "maxmemory", "1mb")
    async with sold.kept():
        await sold.server.command("CONFIG", "SET", "maxmemory", 0)
        await sold.buy(10)
        await sold.check_books()
    assert await sold.outcomes() == ["rebuilt", "adopted"]


# Others who recover, and recoveries that are interrupted


async def test_two_who_lead_a_sale_do_not_spoil_each_others_recovery(private_till: Till) -> None:
    till = private_till
    async with till.kept(2):
        for _ in range(4):
            await till.buy(50)
            await till.until_settled()
            await till.server.command("FLUSHALL")
            await till.until_open()
        await till.check_books()
    outcomes = await till.outcomes()
    # Without a lease both may recover from one loss: the second finds nothing lost, and adopts.
    assert outcomes.count("rebuilt") == 5
    assert len(outcomes) <= 10


async def test_who_began_a_recovery_and_died_is_not_waited_for_for_long(
    sold: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE_SECONDS", 0.2)
    dead = Recovery(sold.database, sold.store)
    await dead._close()
    began = time.monotonic()
    async with sold.kept():
        assert 0.2 < time.monotonic() - began < 2
        await sold.check_books()


async def test_what_is_sold_between_two_recoveries_is_not_forgotten_by_the_second(
    sold: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower of two begins when the faster has finished, and buyers have come already."""
    begin = recovery.begin_epoch

    async def begin_late(database: Database, sale_id: str, *, known: int) -> recovery.Checkpoint:
        monkeypatch.setattr(recovery, "begin_epoch", begin)
        await Recovery(database, sold.store).run("the faster", rebuild=False)
        await sold.buy(3)
        return await begin(database, sale_id, known=known)

    monkeypatch.setattr(recovery, "begin_epoch", begin_late)
    await Recovery(sold.database, sold.store).run("the slower", rebuild=False)
    async with sold.kept():
        await sold.check_books()
    assert await sold.outcomes() == ["rebuilt", "adopted", "adopted"]


async def test_a_slow_recovery_that_was_overtaken_changes_nothing(sold: Till) -> None:
    slow = Recovery(sold.database, sold.store)
    survey = await slow._close()
    await Recovery(sold.database, sold.store).run("faster", rebuild=False)
    await sold.buy(3)
    proof = (await sold.record()).proof
    ending = recovery.Ending(
        sale_id=sold.sale_id,
        epoch=survey.epoch,
        version=300,
        ended_epoch=survey.ledger.opened,
        outcome="adopted",
        why="slow",
        began=0.0,
    )
    with pytest.raises(Abandoned):
        await slow._adopt(survey, ending, proof)
    with pytest.raises(Abandoned):
        await slow._rebuild(survey, ending, proof)
    async with sold.kept():
        await sold.check_books()


async def test_a_recovery_that_dies_before_the_gate_opens_does_not_take_its_alarm_with_it(
    sold: Till,
) -> None:
    await sold.buy(20)
    await sold.server.command("FLUSHALL")
    await report(sold)
    dying = Recovery(sold.database, NeverOpens(sold.server, sold.sale_id))
    with pytest.raises(OutcomeUnknown):
        await dying.run("emptied", rebuild=False)
    async with sold.kept():
        await sold.check_books(lost=20)
    assert "up to 20 acknowledged changes were lost" in (await sold.alarms())[0]


class NeverOpens(SaleStore):
    """A store whose server goes away at the last moment."""

    async def open(self, *_: object, **__: object) -> recovery.Opened:
        raise OutcomeUnknown("gone")


async def test_a_redis_that_hangs_during_a_rebuild_holds_up_nobody_in_the_ledger_for_long(
    sold: Till, private_redis: PrivateRedis
) -> None:
    """A rebuild holds the rows of sale and items while it writes."""
    await sold.server.command("FLUSHALL")
    store = HangsHalfway(sold.server, sold.sale_id, private_redis)
    rebuilding = asyncio.create_task(Recovery(sold.database, store).run("emptied", rebuild=False))
    await until(lambda: store.hangs)
    async with asyncio.timeout(4):
        await release(sold.database, next(iter(sold.told)))
    with pytest.raises(OutcomeUnknown):
        await rebuilding
    private_redis.thaw()
    async with sold.kept():
        await sold.check_books()


class HangsHalfway(SaleStore):
    """A store whose server hangs when a rebuild is written."""

    def __init__(self, server: Server, sale_id: str, redis: PrivateRedis) -> None:
        super().__init__(server, sale_id)
        self.hangs = False
        self._redis = redis

    async def install(
        self, epoch: int, *, reservations: Mapping[str, str], customers: Mapping[str, str]
    ) -> None:
        self._redis.freeze()
        self.hangs = True
        await super().install(epoch, reservations=reservations, customers=customers)


def lose_everything(till: Till, _: PrivateRedis) -> object:
    return till.server.command("FLUSHALL")


def restart(_: Till, redis: PrivateRedis) -> object:
    return redis.restart()


@pytest.mark.parametrize("disaster", [lose_everything, restart])
async def test_a_recovery_can_be_interrupted_anywhere_and_the_next_one_finishes(
    sold: Till, private_redis: PrivateRedis, disaster: Callable[..., "asyncio.Future[object]"]
) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    for _ in range(6):
        await disaster(sold, private_redis)
        for _ in range(3):
            interrupted = asyncio.create_task((await sold.keeper()).run())
            await asyncio.sleep(chance.random() * 0.06)
            interrupted.cancel()
            await asyncio.gather(interrupted, return_exceptions=True)
        async with sold.kept():
            await sold.buy(20)
            await sold.until_settled()
    async with sold.kept():
        await sold.check_books()
