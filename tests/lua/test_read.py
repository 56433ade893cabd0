"""The read script: the record as it stands, and whether this server may act on it."""

import pytest
from own_server import OwnServer
from selling import HOUR_MS, LAMP, MUG, Offer, Sale, wish

from lua.record import Item, state_at
from lua.replies import array, integer, text
from lua.server import Server
from lua.store import SaleStore

pytestmark = pytest.mark.every_redis


async def test_where_there_is_no_record_there_is_none(server: Server, sale_id: str) -> None:
    assert await SaleStore(server, sale_id).read() is None


async def test_the_definition_is_read_as_it_was_installed(server: Server, sale_id: str) -> None:
    sale = Sale(server, sale_id)
    await sale.open(
        {MUG: Offer(units=5, limit=2, price=90), LAMP: Offer(units=10)},
        opens_at_ms=7,
        closes_at_ms=9,
        reservations_per_customer=3,
    )
    record = await sale.record()
    assert (record.proven, record.epoch, record.version) == (True, 1, 0)
    assert (record.opens_at_ms, record.closes_at_ms) == (7, 9)
    assert (record.name, record.currency) == ("Frühschoppen, 50 %", "EUR")
    assert (record.reservations_per_customer, record.hold_seconds) == (3, 600)
    assert list(record.items) == [LAMP, MUG]
    assert record.items[MUG] == Item(
        sku=MUG, available=5, raised=5, raised_revision=1, lowered=0, limit=2, price=90
    )


async def test_reading_changes_nothing(sale: Sale) -> None:
    await sale.admit(wish(1))
    before = await sale.everything()
    assert (await sale.record()).version == 1
    assert await sale.everything() == before


async def test_the_time_is_the_milliseconds_of_redis(sale: Sale) -> None:
    """Not its seconds: between two looks at its clock, and not always at the same fraction."""
    fractions: set[int] = set()
    while len(fractions) < 2:
        before = await _microseconds(sale.server)
        now_ms = (await sale.record()).now_ms
        assert before // 1000 <= now_ms <= await _microseconds(sale.server) // 1000
        fractions.add(now_ms % 1000)


async def _microseconds(server: Server) -> int:
    seconds, microseconds = map(integer, array(await server.command("TIME")))
    return seconds * 1_000_000 + microseconds


async def test_a_fenced_record_is_read_as_unproven(sale: Sale) -> None:
    await sale.store.fence(2)
    assert not (await sale.record()).proven


async def test_a_full_server_still_reads(own_server: OwnServer) -> None:
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        await server.command("CONFIG", "SET", "maxmemory", 1)
        assert (await sale.record()).proven


async def test_a_replica_is_never_proven(own_server: OwnServer) -> None:
    """It has its primary's replication id, but may lack what the primary acknowledged."""
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        await server.command("REPLICAOF", "127.0.0.1", 1)
        info = text(await server.command("INFO", "replication"))
        stored = (await sale.hash("doorbuster:{friday}"))["replid"]
        assert f"master_replid:{stored}" in info  # what the proof is compared with
        assert not (await sale.record()).proven


@pytest.mark.parametrize(
    ("state", "opens", "closes", "expected"),
    [
        ("open", 0, 0, "open"),
        ("open", 100, 0, "open"),
        ("open", 101, 0, "scheduled"),
        ("open", 0, 101, "open"),
        ("open", 0, 100, "closed"),
        ("open", 101, 100, "scheduled"),
        ("paused", 101, 0, "paused"),
        ("closed", 0, HOUR_MS, "closed"),
    ],
)
def test_the_state_that_a_buyer_meets(state: str, opens: int, closes: int, expected: str) -> None:
    assert state_at(state, opens, closes, now_ms=100) == expected
