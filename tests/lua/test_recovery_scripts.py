"""Fence, adopt and open: how a recovery takes the proof away and brings it back."""

import pytest
from own_server import OwnServer
from selling import FSYNC, LAMP, MUG, Offer, Sale, digest, record_fields, reservation, wish

from lua import keys
from lua.admission import Admitted, OverLimit, Replayed
from lua.faults import NothingHappened
from lua.reservation import StoredReservation
from lua.server import Server
from lua.store import Closed, Differs, Fenced, Lowered, Opened

pytestmark = pytest.mark.every_redis


async def adopt(
    sale: Sale, epoch: int, *, version: int, old_epoch: int = 1, **lamps: int
) -> object:
    """Adopt with a mirror of lamps and five mugs."""
    return await sale.store.adopt(
        epoch,
        old_epoch=old_epoch,
        version=version,
        proof=FSYNC,
        available={LAMP: lamps.get("lamps", 10), MUG: 5},
    )


async def rebuild(
    sale: Sale, epoch: int, *, version: int = 0, reservations: int = 0, customers: int = 0
) -> object:
    return await sale.store.open(
        epoch,
        version=version,
        reservations=reservations,
        customers=customers,
        fields=record_fields({LAMP: Offer(units=10), MUG: Offer(units=5, limit=2, price=90)}),
    )


# The fence


async def test_a_fence_answers_with_what_the_record_held(sale: Sale) -> None:
    await sale.admit(wish(1))
    closed = await sale.store.fence(2)
    assert isinstance(closed, Closed)
    assert closed.fields["epoch"] == "1"
    assert closed.fields["version"] == "1"
    assert closed.fields[f"available:{LAMP}"] == "9"


async def test_a_fence_takes_the_proof_away_and_nothing_else(sale: Sale) -> None:
    await sale.admit(wish(1))
    before = await sale.contents()
    await sale.store.fence(2)
    after = await sale.contents()
    changed = {name for name in after.record if after.record[name] != before.record.get(name)}
    assert changed == {"fence", "replid"}
    assert after.reservations == before.reservations
    assert not (await sale.record()).proven


@pytest.mark.parametrize("epoch", [4, 5])
async def test_a_fence_of_this_epoch_or_a_later_one_stands(sale: Sale, epoch: int) -> None:
    await sale.store.fence(5)
    before = await sale.everything()
    assert await sale.store.fence(epoch) == Fenced(epoch=5)
    assert await sale.everything() == before


async def test_a_fence_may_stand_alone_after_a_loss(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    closed = await sale.store.fence(9)
    assert isinstance(closed, Closed)
    assert "epoch" not in closed.fields
    assert await sale.store.read() is None


# Adopting


async def test_an_adopted_sale_goes_on_where_it_stood(sale: Sale) -> None:
    await sale.admit(wish(1))
    await sale.store.fence(2)
    assert await adopt(sale, 2, version=1, lamps=9) == Opened()
    sale.epoch = 2
    record = await sale.record()
    assert (record.proven, record.epoch, record.version, record.committed) == (True, 2, 1, 1)
    assert record.proof == FSYNC
    outcomes = await sale.admit(wish(1), wish(2), witness=1)
    assert isinstance(outcomes[0], Replayed)
    assert outcomes[1] == Admitted(version=2)


async def test_adopting_leaves_no_key_under_the_old_epoch(sale: Sale) -> None:
    await sale.admit(wish(1))
    await sale.store.fence(2)
    await adopt(sale, 2, version=1, lamps=9)
    name = keys.record(sale.store.sale_id)
    of = keys.of_epoch(sale.store.sale_id, 2)
    assert set(await sale.everything()) == {name, of.reservations, of.customers, of.stream}
    sale.epoch = 2


async def test_a_sale_that_sold_nothing_is_adopted_too(sale: Sale) -> None:
    await sale.store.fence(2)
    assert await adopt(sale, 2, version=0) == Opened()
    sale.epoch = 2
    assert await sale.admit(wish(1)) == [Admitted(version=1)]


@pytest.mark.parametrize(
    ("what", "arguments"),
    [
        ("epoch", {"old_epoch": 7, "version": 1, "lamps": 9}),
        ("version", {"version": 2, "lamps": 9}),
        ("version", {"version": 0, "lamps": 9}),
        (f"available:{LAMP}", {"version": 1, "lamps": 8}),
    ],
)
async def test_what_differs_from_the_ledger_is_not_adopted(
    sale: Sale, what: str, arguments: dict[str, int]
) -> None:
    await sale.admit(wish(1))
    await sale.store.fence(2)
    before = await sale.everything()
    assert await adopt(sale, 2, **arguments) == Differs(what=what)
    assert await sale.everything() == before


@pytest.mark.parametrize(
    ("key", "field"), [("reservations", reservation(2)), ("customers", digest("bob"))]
)
async def test_lost_reservations_or_customers_are_not_adopted(
    server: Server, sale_id: str, key: str, field: str
) -> None:
    sale = Sale(server, sale_id)
    await sale.open({LAMP: Offer(units=10), MUG: Offer(units=5)})
    await sale.admit(wish(1), wish(2, customer="bob"))
    await sale.store.fence(2)
    await server.command("HDEL", getattr(keys.of_epoch(sale_id, 1), key), field)
    before = await sale.everything()
    assert await adopt(sale, 2, version=2, lamps=8) == Differs(what=key)
    assert await sale.everything() == before


async def test_an_item_that_redis_lost_is_not_adopted(sale: Sale) -> None:
    await sale.store.fence(2)
    reply = await sale.store.adopt(
        2, old_epoch=1, version=0, proof=FSYNC, available={LAMP: 10, "GONE": 1}
    )
    assert reply == Differs(what="available:GONE")


async def test_only_the_fence_of_this_epoch_may_be_lifted(sale: Sale) -> None:
    assert await adopt(sale, 2, version=0) == Fenced(epoch=None)
    assert await rebuild(sale, 2) == Fenced(epoch=None)
    await sale.store.fence(3)
    before = await sale.everything()
    assert await adopt(sale, 2, version=0) == Fenced(epoch=None)
    assert await rebuild(sale, 2) == Fenced(epoch=None)
    assert await sale.everything() == before


async def test_a_fence_of_another_server_cannot_be_lifted(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10), MUG: Offer(units=5)})
        await sale.store.fence(2)
        await own_server.restart()
        before = await sale.everything()
        assert await adopt(sale, 2, version=0) == Fenced(epoch=None)
        assert await rebuild(sale, 2) == Fenced(epoch=None)
        assert await sale.everything() == before
        assert await sale.store.fence(2) == Fenced(epoch=2)
        assert isinstance(await sale.store.fence(3), Closed)
        assert await adopt(sale, 3, version=0) == Opened()


async def test_a_recovery_that_a_fence_overtook_changes_nothing_more(sale: Sale) -> None:
    """A paused reconciler wakes up after another one has opened the sale under a later epoch."""
    await sale.store.fence(2)
    await sale.store.fence(3)
    assert await adopt(sale, 3, version=0) == Opened()
    sale.epoch = 3
    before = await sale.everything()
    assert await adopt(sale, 2, version=0) == Fenced(epoch=None)
    assert await rebuild(sale, 2) == Fenced(epoch=None)
    assert await sale.store.fence(2) == Fenced(epoch=3)
    assert await sale.everything() == before


async def test_adopting_twice_does_not_undo_what_happened_in_between(sale: Sale) -> None:
    """The reply of the first call was lost, and customers have bought since."""
    await sale.store.fence(2)
    await adopt(sale, 2, version=0)
    sale.epoch = 2
    await sale.admit(wish(1))
    before = await sale.everything()
    assert await adopt(sale, 2, version=0) == Differs(what="epoch")
    assert await rebuild(sale, 2) == Differs(what="incomplete")
    assert await sale.everything() == before


# Opening


async def test_a_rebuilt_sale_knows_what_the_ledger_knew(sale: Sale) -> None:
    await sale.admit(wish(1, f"{MUG}:2:90"), wish(2))
    await sale.store.fence(2)
    held = _stored("held", f"{MUG}:2:90", version=1)
    await sale.store.install(
        2,
        reservations={reservation(1): held, reservation(2): _stored("released", f"{LAMP}:1:500")},
        customers={digest("ada"): f"2;{MUG}=2"},
    )
    fields = record_fields({LAMP: Offer(units=10), MUG: Offer(units=5, limit=2, price=90)})
    fields[f"available:{MUG}"] = 3
    opened = await sale.store.open(2, version=7, reservations=2, customers=1, fields=fields)
    assert opened == Opened()
    await sale.begin(2)
    assert sale.opening.record.keys() >= {str(name) for name in fields}
    outcomes = await sale.admit(wish(1, f"{MUG}:2:90"), wish(3, f"{MUG}:1:90"), wish(4), witness=7)
    assert outcomes == [
        Replayed(stored=StoredReservation.parse(held)),
        OverLimit(sku=MUG, left=0),
        Admitted(version=8),
    ]


async def test_a_rebuild_keeps_nothing_of_the_old_record(sale: Sale) -> None:
    await sale.store.lower(1, request="old", sku=LAMP, units=1, context="{}")
    await sale.store.fence(2)
    fields = record_fields({MUG: Offer(units=1)}) | {"lowering:kept": f"{MUG}|1"}
    assert await sale.store.open(2, version=1, reservations=0, customers=0, fields=fields)
    record = await sale.hash(keys.record(sale.store.sale_id))
    assert f"available:{LAMP}" not in record
    assert "lowering:old" not in record
    await sale.begin(2)
    again = await sale.store.lower(2, request="kept", sku=MUG, units=1, context="{}")
    assert again == Lowered(sku=MUG, units=1)


@pytest.mark.parametrize(("reservations", "customers"), [(2, 1), (0, 1), (1, 2), (1, 0)])
async def test_an_incomplete_rebuild_is_not_opened(
    sale: Sale, reservations: int, customers: int
) -> None:
    await sale.store.fence(2)
    await sale.store.install(
        2,
        reservations={reservation(1): _stored("held", f"{LAMP}:1:500")},
        customers={digest("ada"): f"1;{LAMP}=1"},
    )
    before = await sale.everything()
    reply = await rebuild(sale, 2, version=1, reservations=reservations, customers=customers)
    assert reply == Differs(what="incomplete")
    assert await sale.everything() == before


async def test_a_stream_that_is_there_already_is_not_continued(sale: Sale) -> None:
    await sale.store.fence(2)
    stream = keys.of_epoch(sale.store.sale_id, 2).stream
    await sale.server.command("XADD", stream, "1-0", "kind", "leftover")
    assert await rebuild(sale, 2) == Differs(what="incomplete")
    await sale.store.discard(2)
    assert await rebuild(sale, 2) == Opened()


async def test_a_sale_of_500_items_is_opened_in_one_call(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    offers = {f"{'S' * 60}{n:04d}": Offer(units=n, price=n) for n in range(500)}
    await sale.open(offers)
    items = (await sale.record()).items
    assert list(items) == sorted(offers)
    assert all(items[sku].available == offer.units for sku, offer in offers.items())


async def test_the_keys_of_the_old_epoch_outlive_a_rebuild(sale: Sale) -> None:
    await sale.admit(wish(1))
    await sale.store.fence(2)
    await rebuild(sale, 2, version=1)
    assert await sale.store.find(1, reservation(1)) is not None
    assert [entry.last for entry in await sale.store.surviving(1, after=0, count=9)] == [1]
    await sale.begin(2)


async def test_recovery_needs_no_memory_but_a_rebuild_does(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10), MUG: Offer(units=5)})
        await server.command("CONFIG", "SET", "maxmemory", 1)
        await sale.store.fence(2)
        with pytest.raises(NothingHappened, match="OOM"):
            await rebuild(sale, 2)
        assert await adopt(sale, 2, version=0) == Opened()


def _stored(state: str, lines: str, *, version: int = 2) -> str:
    return StoredReservation(
        state=state,
        customer=digest("ada"),
        fingerprint=digest(lines.rpartition(":")[0]),
        version=version,
        created_at_ms=1,
        lines=lines,
    ).encode()
