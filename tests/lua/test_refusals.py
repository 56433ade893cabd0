"""Every script refuses unless the record is proven on this server and of the caller's epoch."""

from collections.abc import Awaitable, Callable

import pytest
from own_server import OwnServer
from selling import LAMP, Offer, Sale, reservation, wish

from lua import keys
from lua.admission import Admitted, Decided
from lua.faults import ScriptFault
from lua.record import Proof
from lua.server import Server
from lua.store import Behind, Closed, OtherEpoch, Unproven

pytestmark = pytest.mark.every_redis

Call = Callable[[Sale, int], Awaitable[object]]

CALLS: dict[str, Call] = {
    "admit": lambda sale, epoch: sale.store.admit(epoch, 0, [wish(9)]),
    "return": lambda sale, epoch: sale.store.return_units(epoch, [f"{reservation(1)}x"]),
    "grant": lambda sale, epoch: sale.store.grant(epoch, sku=LAMP, raised=99, revision=9),
    "lower": lambda sale, epoch: sale.store.lower(
        epoch, request="r", sku=LAMP, units=1, context="{}"
    ),
    "change_state": lambda sale, epoch: sale.store.change_state(
        epoch, state="closed", opens_at_ms=0, closes_at_ms=0, revision=9
    ),
    "correct": lambda sale, epoch: sale.store.correct(
        epoch, sku=LAMP, units=-1, mirrored=-1, number=9
    ),
    "prove": lambda sale, epoch: sale.store.prove(
        epoch, Proof(durability="memory", replicas=0, backlog_limit=1)
    ),
    "follow": lambda sale, epoch: sale.store.follow(epoch, committed=1, trim_below=1, count=9),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
async def test_without_a_record_nothing_is_proven(server: Server, sale_id: str, call: Call) -> None:
    sale = Sale(server, sale_id)
    assert await call(sale, 1) == Unproven()
    assert await sale.everything() == {}


@every_call
async def test_a_fenced_sale_is_unproven_and_unchanged(sale: Sale, call: Call) -> None:
    await sale.admit(wish(1))
    await sale.store.fence(2)
    before = await sale.everything()
    assert await call(sale, sale.epoch) == Unproven()
    assert await sale.everything() == before


@every_call
async def test_an_older_epoch_is_told_the_current_one(
    server: Server, sale_id: str, call: Call
) -> None:
    sale = Sale(server, sale_id)
    sale.epoch = 6
    await sale.open({LAMP: Offer(units=1)})
    before = await sale.everything()
    assert await call(sale, 6) == OtherEpoch(epoch=7)
    assert await sale.everything() == before


async def test_a_caller_that_knows_a_later_epoch_makes_admit_refuse(sale: Sale) -> None:
    assert await sale.store.admit(sale.epoch + 1, 0, [wish(1)]) == Behind()


async def test_a_caller_of_a_later_epoch_leaves_it_though_it_saw_no_version(sale: Sale) -> None:
    await sale.store.admit(sale.epoch + 1, 0, [wish(1)])
    closed = await sale.store.fence(sale.epoch + 2)
    assert isinstance(closed, Closed)
    assert closed.seen == {sale.epoch + 1: 0}


async def test_a_caller_that_has_seen_more_makes_admit_refuse(sale: Sale) -> None:
    await sale.admit(wish(1))
    assert await sale.store.admit(sale.epoch, 2, [wish(2)]) == Behind()
    assert await sale.admit(wish(2), witness=1) == [Admitted(version=2)]


async def test_refused_callers_leave_the_highest_version_that_they_saw(sale: Sale) -> None:
    await sale.store.admit(sale.epoch, 5, [wish(1)])
    await sale.store.admit(sale.epoch, 9, [wish(1)])
    await sale.store.admit(sale.epoch, 7, [wish(1)])
    await sale.store.admit(sale.epoch + 1, 3, [wish(1)])
    closed = await sale.store.fence(sale.epoch + 2)
    assert isinstance(closed, Closed)
    assert closed.seen == {sale.epoch: 9, sale.epoch + 1: 3}


async def test_what_a_caller_of_an_older_epoch_had_seen_is_kept_too(
    server: Server, sale_id: str
) -> None:
    sale = Sale(server, sale_id)
    sale.epoch = 3
    await sale.open({LAMP: Offer(units=1)})
    assert await sale.store.admit(3, 12, [wish(1)]) == OtherEpoch(epoch=4)
    assert await sale.hash(keys.seen(sale_id)) == {"3": "12"}


async def test_a_caller_that_has_seen_nothing_leaves_nothing(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    assert await sale.store.admit(1, 0, [wish(1)]) == Unproven()
    assert await sale.everything() == {}


@every_call
async def test_after_a_restart_nothing_is_proven(own_server: OwnServer, call: Call) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5)})
        await sale.admit(wish(1))
        before = await sale.everything()
        await own_server.restart()
        assert await call(sale, sale.epoch) == Unproven()
        assert await sale.everything() == before
        assert not (await sale.record()).proven


async def test_after_a_restart_from_a_snapshot_nothing_is_proven(own_server: OwnServer) -> None:
    """A snapshot carries the replication id that the server had; it must not come back as ours."""
    await own_server.stop()
    snapshots = {"appendonly": "no", "save": "3600 1"}
    await own_server.start(snapshots)
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5)})
        await server.command("SAVE")
        await own_server.kill()
        await own_server.start(snapshots)
        assert await sale.store.admit(sale.epoch, 0, [wish(1)]) == Unproven()


async def test_after_a_promotion_nothing_is_proven(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5)})
        await server.command("REPLICAOF", "127.0.0.1", 1)
        await server.command("REPLICAOF", "NO", "ONE")
        assert await sale.store.admit(sale.epoch, 0, [wish(1)]) == Unproven()


async def test_after_flushall_nothing_is_proven(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=5)})
        await server.command("FLUSHALL")
        assert await sale.store.admit(sale.epoch, 3, [wish(1)]) == Unproven()
        assert await sale.hash(keys.seen("friday")) == {"1": "3"}


@pytest.mark.parametrize("key", ["reservations", "customers"])
@pytest.mark.parametrize("name", ["admit", "return", "follow"])
async def test_after_a_key_was_deleted_nothing_is_proven(
    server: Server, sale_id: str, key: str, name: str
) -> None:
    """It would take replays, or limits, with it; so would an eviction."""
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=5)})
    await sale.admit(wish(1))
    await server.command("DEL", getattr(keys.of_epoch(sale_id, 1), key))
    before = await sale.everything()
    assert await CALLS[name](sale, 1) == Unproven()
    assert await sale.everything() == before


WRONG = {
    "reservations": ("admit", "return"),
    "customers": ("admit", "return"),
    "stream": ("admit", "return", "grant", "lower", "change_state", "follow"),
}


@pytest.mark.parametrize(
    ("key", "name"), [(key, name) for key, names in WRONG.items() for name in names]
)
async def test_a_key_of_a_wrong_type_leaves_everything_as_it_was(
    server: Server, sale_id: str, key: str, name: str
) -> None:
    """Lua does not roll back, so nothing may fail after the first write."""
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=5)})
    decided = await sale.store.admit(1, 0, [wish(1), wish(2)])
    assert isinstance(decided, Decided)
    wrong = getattr(keys.of_epoch(sale_id, 1), key)
    await server.command("DEL", wrong)
    await server.command("SET", wrong, "no hash, no stream")
    before = await sale.everything()
    with pytest.raises(ScriptFault, match=r"WRONGTYPE|wrong kind"):
        await CALLS[name](sale, 1)
    assert await sale.everything() == before


@pytest.mark.parametrize("name", ["admit", "return", "grant", "lower", "change_state"])
async def test_a_version_that_the_stream_has_already_leaves_everything_as_it_was(
    server: Server, sale_id: str, name: str
) -> None:
    """Two histories can never share a number: XADD refuses, and it is the first write."""
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=5)})
    await sale.admit(wish(1))
    stream = keys.of_epoch(sale_id, 1).stream
    await server.command("XADD", stream, "7-0", "kind", "from elsewhere")
    before = await sale.everything()
    with pytest.raises(ScriptFault, match="XADD"):
        await CALLS[name](sale, 1)
    assert await sale.everything() == before
