"""The door to a server never repeats by itself, and tells what may have happened."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from books import check
from own_server import OwnServer
from proxy import Fate, Proxy, proxy
from selling import LAMP, MUG, Offer, Sale, reservation, wish

from lua.admission import Admitted, Decided, Replayed, UnknownSku
from lua.faults import NothingHappened, OutcomeUnknown, ScriptFault
from lua.server import CONNECT_TIMEOUT_SECONDS, Server
from lua.store import Returned, Unproven

pytestmark = pytest.mark.every_redis

SHORT_SECONDS = 0.2


@pytest_asyncio.fixture
async def between(redis_url: str, short_folder: Path) -> AsyncIterator[Proxy]:
    async with proxy(short_folder, redis_url) as it:
        yield it


@pytest_asyncio.fixture
async def far(between: Proxy, sale: Sale) -> AsyncIterator[Sale]:
    """The same sale, seen through the proxy over a single connection."""
    async with Server(between.url, connections=1, timeout_seconds=SHORT_SECONDS) as server:
        far = Sale(server, sale.store.sale_id)
        far.epoch = sale.epoch
        # Connected, and the server knows the script: the next bytes are the call of the test.
        await _until_there(far)
        yield far


async def _until_there(far: Sale) -> None:
    """Connecting takes several answers, and on a busy machine longer than one call may take."""
    async with asyncio.timeout(10):
        while True:
            with suppress(NothingHappened):
                assert await far.admit(wish(99, "GONE:1:1")) == [UnknownSku(sku="GONE")]
                return


# What is unknown


async def test_a_lost_reply_is_unknown_and_the_script_ran_once(
    sale: Sale, far: Sale, between: Proxy
) -> None:
    between.fate = Fate.CUT_THE_REPLY
    with pytest.raises(OutcomeUnknown):
        await far.admit(wish(1))
    between.fate = Fate.PASS
    assert between.replies_lost == 1
    assert await sale.available() == 9
    assert isinstance((await far.admit(wish(1)))[0], Replayed)


async def test_a_lost_request_is_unknown_and_nothing_ran(
    sale: Sale, far: Sale, between: Proxy
) -> None:
    between.fate = Fate.CUT_THE_REQUEST
    with pytest.raises(OutcomeUnknown):
        await far.admit(wish(1))
    between.fate = Fate.PASS
    assert await sale.available() == 10


@pytest.mark.proof
@pytest.mark.parametrize("fate", [Fate.CUT_THE_REQUEST, Fate.CUT_THE_REPLY])
async def test_wherever_a_line_is_cut_a_repetition_finds_one_effect(
    server: Server, sale_id: str, between: Proxy, fate: Fate
) -> None:
    near = Sale(server, sale_id)
    await near.open({LAMP: Offer(units=10_000)}, reservations_per_customer=10_000)
    assert await near.admit(wish(9_999)) == [Admitted(version=1)]  # the script is known
    async with Server(between.url, connections=1) as door:
        far = Sale(door, sale_id)
        far.epoch = near.epoch
        between.passing, between.length = -1, 1
        while between.passing < between.length:
            await door.command("PING")  # connected
            between.passing += 1
            between.fate = fate
            with suppress(OutcomeUnknown):  # all of a reply may be there before the line is cut
                await far.admit(wish(between.passing))
            between.fate = Fate.PASS
            await _insist(far, between.passing)
    assert between.length > 20
    assert await near.available() == 10_000 - between.passing - 2
    check(near.opening, await near.contents())


async def _insist(far: Sale, number: int) -> None:
    """Again with the same id, as a gateway does, also over a line of which it knows no better."""
    while True:
        with suppress(OutcomeUnknown):
            assert isinstance((await far.admit(wish(number)))[0], Admitted | Replayed)
            return


async def test_a_reply_that_takes_too_long_is_unknown_and_never_meets_another_call(
    sale: Sale, far: Sale, between: Proxy
) -> None:
    between.fate = Fate.HOLD_THE_REPLY
    with pytest.raises(OutcomeUnknown):
        await far.admit(wish(1))
    between.release()
    assert (await far.record()).version == 1
    assert await far.admit(wish(2)) == [Admitted(version=2)]
    assert await sale.available() == 8


async def test_a_count_of_replicas_that_does_not_come_leaves_the_outcome_known(far: Sale) -> None:
    """The door's patience ends before WAIT's; that the script has run, it knows already."""
    decided = await far.store.admit(far.epoch, 0, [wish(1)], replicas=1)
    assert isinstance(decided, Decided)
    assert decided.outcomes == [Admitted(version=1)]
    assert not decided.replicated


async def test_a_stopped_server_is_unknown_and_runs_what_it_was_sent_once(
    own_server: OwnServer,
) -> None:
    async with Server(own_server.url, timeout_seconds=SHORT_SECONDS) as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        await sale.admit(wish(1))
        os.kill(own_server.pid, signal.SIGSTOP)
        with pytest.raises(OutcomeUnknown):
            await sale.admit(wish(2))
        os.kill(own_server.pid, signal.SIGCONT)
        assert isinstance((await sale.admit(wish(2)))[0], Replayed)
        assert await sale.available() == 8


async def test_cancelled_calls_never_mix_up_replies(server: Server) -> None:
    """The connection of a cancelled call is closed, for its reply is still on the way."""
    chance = random.Random(7)

    async def ask(number: int) -> None:
        assert await server.command("ECHO", number) == str(number).encode()

    async def cancelled(number: int) -> None:
        task = asyncio.create_task(ask(number))
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for start in range(0, 400, 8):
        await asyncio.gather(*[cancelled(start + n) for n in range(4)])
        await asyncio.gather(*[ask(start + n) for n in range(4, 8)])


# What did not happen


async def test_a_server_that_is_not_there_did_nothing(short_folder: Path) -> None:
    for url in (f"unix://{short_folder}/none.sock", "redis://127.0.0.1:1"):
        async with Server(url) as server:
            with pytest.raises(NothingHappened, match="not connected"):
                await Sale(server, "friday").store.read()


async def test_a_server_that_takes_no_notice_of_a_new_connection_did_nothing_in_time(
    own_server: OwnServer,
) -> None:
    """The kernel lets a stopped server's callers in; they have `timeout_seconds`, and no more."""
    os.kill(own_server.pid, signal.SIGSTOP)
    began = asyncio.get_running_loop().time()
    async with Server(own_server.url, timeout_seconds=SHORT_SECONDS) as server:
        with pytest.raises(NothingHappened, match="TimeoutError"):
            await Sale(server, "friday").store.read()
    assert asyncio.get_running_loop().time() - began < CONNECT_TIMEOUT_SECONDS
    os.kill(own_server.pid, signal.SIGCONT)


async def test_a_call_that_finds_no_free_connection_did_nothing(
    sale: Sale, far: Sale, between: Proxy
) -> None:
    between.fate = Fate.HOLD_THE_REPLY
    first = asyncio.create_task(far.admit(wish(1)))
    while await sale.available() == 10:  # the first has left, and waits for its reply
        await asyncio.sleep(0)
    with pytest.raises(NothingHappened):
        async with Server(between.url, connections=1, timeout_seconds=0.01) as one:
            await asyncio.gather(one.command("PING"), one.command("PING"))
    between.release()
    assert await first == [Admitted(version=1)]


async def test_after_a_restart_the_next_call_connects_anew(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        await own_server.restart()
        assert await sale.store.admit(1, 0, [wish(1)]) == Unproven()


async def test_forgotten_scripts_are_sent_again(sale: Sale) -> None:
    for number in range(3):
        await sale.server.command("SCRIPT", "FLUSH")
        assert await sale.admit(wish(number)) == [Admitted(version=number + 1)]


async def test_a_full_server_refuses_to_sell_and_takes_units_back(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10), MUG: Offer(units=5)})
        await sale.admit(wish(1))
        await server.command("CONFIG", "SET", "maxmemory", 1)
        before = await sale.everything()
        with pytest.raises(NothingHappened, match="OOM"):
            await sale.admit(wish(2))
        with pytest.raises(NothingHappened, match="OOM"):
            await sale.store.lower(1, request="r", sku=LAMP, units=1, context="{}")
        assert await sale.everything() == before
        back = await sale.store.return_units(1, [f"{reservation(1)}x"])
        assert back == Returned(version=2, missing=0)
        await sale.store.grant(1, sku=LAMP, raised=20, revision=2)
        await sale.store.change_state(1, state="closed", opens_at_ms=0, closes_at_ms=0, revision=2)
        await sale.store.follow(1, committed=4, trim_below=2, count=10)
        assert (await sale.record()).version == 4


async def test_a_replica_refuses(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        await server.command("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(NothingHappened, match="READONLY"):
            await sale.admit(wish(1))
        await server.command("CONFIG", "SET", "replica-serve-stale-data", "no")
        with pytest.raises(NothingHappened, match="MASTERDOWN"):
            await sale.record()


async def test_a_primary_that_misses_its_replicas_refuses(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        await server.command("CONFIG", "SET", "min-replicas-to-write", 1)
        with pytest.raises(NothingHappened, match="NOREPLICAS"):
            await sale.admit(wish(1))


async def test_a_server_that_cannot_save_refuses(own_server: OwnServer, short_folder: Path) -> None:
    await own_server.stop()
    await own_server.start({"enable-protected-configs": "yes"})
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        gone = short_folder / "gone"
        gone.mkdir()
        await server.command("CONFIG", "SET", "dir", str(gone))
        gone.rmdir()
        await server.command("CONFIG", "SET", "save", "3600 1")
        with pytest.raises(ScriptFault):  # its words differ
            await server.command("SAVE")
        await server.command("BGSAVE")
        with pytest.raises(NothingHappened, match="MISCONF"):
            await _admit_until_refused(sale)
        await own_server.kill()  # asked to end, it would try to save until it is killed


async def test_a_busy_server_refuses(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10_000)})
        await server.command("CONFIG", "SET", "busy-reply-threshold", 1)
        endless = asyncio.create_task(server.command("EVAL", "while true do end", 0))
        with pytest.raises(NothingHappened, match="BUSY"):
            await _admit_until_refused(sale)
        await server.command("SCRIPT", "KILL")
        with pytest.raises(ScriptFault):
            await endless


async def test_a_loading_server_did_nothing(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        for number in range(40):
            await server.command("SET", f"filler:{number}", "x" * 2048)
        await server.command("BGREWRITEAOF")
        while b"aof_rewrite_in_progress:1" in await _info(server, "persistence"):
            await asyncio.sleep(0.01)
        await own_server.kill()
        slowly = {"key-load-delay": "20000", "loading-process-events-interval-bytes": "1024"}
        await own_server.start(slowly, ready=False)
        with pytest.raises(NothingHappened, match="LOADING"):
            await _admit_until_refused(sale, unless="not connected")


async def test_whoever_may_not_enter_did_nothing(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        await Sale(server, "friday").open({LAMP: Offer(units=10)})
        await server.command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read")
        await server.command("CONFIG", "SET", "requirepass", "secret")
    for who in ("", "reader:wrong@", "reader:secret@"):
        async with Server(own_server.url.replace("unix://", f"unix://{who}")) as server:
            with pytest.raises(NothingHappened):
                await server.command("SET", "key", "value")
            with pytest.raises(NothingHappened):
                await Sale(server, "friday").store.fence(2)


async def test_a_server_that_has_too_many_clients_did_nothing(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        await server.command("CONFIG", "SET", "maxclients", 1)
        async with own_server.door() as another:
            with pytest.raises(NothingHappened):
                await another.command("PING")


# Defects


async def test_an_error_that_nobody_foresaw_is_a_script_fault(server: Server) -> None:
    with pytest.raises(ScriptFault, match="unknown command"):
        await server.command("NONSENSE")


async def _admit_until_refused(sale: Sale, *, unless: str = "nothing") -> None:
    """Sell one lamp after the other, for a condition that the server comes into by itself."""
    async with asyncio.timeout(10):
        for number in range(100_000):
            try:
                await sale.store.admit(1, 0, [wish(number, customer=str(number))])
            except NothingHappened as nothing:
                if unless not in str(nothing):
                    raise
                await asyncio.sleep(0.005)


async def _info(server: Server, section: str) -> bytes:
    info = await server.command("INFO", section)
    assert isinstance(info, bytes)
    return info
