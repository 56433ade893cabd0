"""The scripts run on a node of a cluster: all keys of a sale live in one slot."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from books import check
from own_server import OwnServer
from redis.crc import key_slot
from selling import FSYNC, LAMP, Offer, Sale, digest, record_fields, reservation, wish

from lua.admission import Admitted
from lua.carts import Cart
from lua.faults import NothingHappened
from lua.keys import record
from lua.replies import text
from lua.server import Server
from lua.store import Opened
from lua.terms import FromCart

pytestmark = pytest.mark.every_redis

CLUSTER = {"cluster-enabled": "yes", "port": "0", "cluster-port": "0"}


async def test_a_sale_runs_on_a_cluster_node(own_server: OwnServer) -> None:
    await own_server.stop()
    await own_server.start(CLUSTER)
    async with own_server.door() as server:
        await server.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in bytes(
            str(await server.command("CLUSTER", "INFO")), "utf8"
        ):
            await asyncio.sleep(0.01)
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        assert await sale.admit(wish(1), wish(2)) == [Admitted(version=1), Admitted(version=2)]
        cart = await sale.carts.put("friday", digest("ada"), sku=LAMP, quantity=1)
        assert isinstance(cart, Cart)
        terms = FromCart(customer=digest("ada"), version=cart.version)
        assert await sale.admit(wish(3), terms={0: terms}) == [Admitted(version=3)]
        await sale.store.return_units(1, [f"{reservation(1)}x", f"{reservation(3)}x"])
        await sale.store.grant(1, sku=LAMP, raised=20, revision=2)
        await sale.store.lower(1, request="r", sku=LAMP, units=1, context="{}")
        await sale.store.follow(1, committed=3, trim_below=1, count=9)
        await sale.store.change_state(1, state="paused", opens_at_ms=0, closes_at_ms=0, revision=2)
        check(sale.opening, await sale.contents())
        await sale.store.fence(2)
        adopted = await sale.store.adopt(
            2, old_epoch=1, version=8, proof=FSYNC, available={LAMP: 18}
        )
        assert adopted == Opened()
        await sale.store.fence(3)
        await sale.store.install(3, reservations={}, customers={})
        fields = record_fields({LAMP: Offer(units=10)})
        opened = await sale.store.open(3, version=8, reservations=0, customers=0, fields=fields)
        assert opened == Opened()
        await sale.store.discard(2)


# Slots that are elsewhere, on their way, or nowhere


@asynccontextmanager
async def two_nodes(folder: Path, binary: Path | None) -> AsyncIterator[tuple[Server, Server]]:
    """Two nodes that know each other; nobody has a slot."""
    async with AsyncExitStack() as stack:
        doors = []
        for name in ("one", "two"):
            node = OwnServer(folder / name, binary=binary)
            port, bus = _free_ports()
            await node.start({"cluster-enabled": "yes", "port": port, "cluster-port": bus})
            stack.push_async_callback(node.stop)
            doors.append(await stack.enter_async_context(node.door()))
        await doors[0].command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        for door in doors:
            await _until(door, lambda facts: "cluster_known_nodes:2" in facts)
        yield doors[0], doors[1]


async def test_a_node_that_may_not_decide_did_nothing(
    short_folder: Path, redis_binary: Path | None
) -> None:
    async with two_nodes(short_folder, redis_binary) as (near, far):
        sale = Sale(near, "friday")
        await _is_refused(sale, "CLUSTERDOWN")

        await near.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        for door in (near, far):
            await _until(door, lambda facts: "cluster_state:ok" in facts)
        await sale.open({LAMP: Offer(units=10)})
        assert await sale.admit(wish(1)) == [Admitted(version=1)]

        # On its way: some keys are here, and `seen`, which nobody has written yet, is not.
        slot = await near.command("CLUSTER", "KEYSLOT", record("friday"))
        there, here = [text(await door.command("CLUSTER", "MYID")) for door in (far, near)]
        await far.command("CLUSTER", "SETSLOT", str(slot), "IMPORTING", here)
        await near.command("CLUSTER", "SETSLOT", str(slot), "MIGRATING", there)
        await _is_refused(sale, "TRYAGAIN")
        await _is_refused(Sale(near, _neighbour("friday")), "ASK")
        await near.command("CLUSTER", "SETSLOT", str(slot), "STABLE")
        assert await sale.admit(wish(2)) == [Admitted(version=2)]

        gone = await near.command("CLUSTER", "KEYSLOT", record("monday"))
        for door in (far, near):
            await door.command("CLUSTER", "SETSLOT", str(gone), "NODE", there)
        await _is_refused(Sale(near, "monday"), "MOVED")
        check(sale.opening, await sale.contents())


def _neighbour(sale_id: str) -> str:
    """A sale in the same slot, of which there are no keys."""
    slot = key_slot(record(sale_id).encode())
    names = (f"sale-{number}" for number in count())
    return next(name for name in names if key_slot(record(name).encode()) == slot)


async def _is_refused(sale: Sale, code: str) -> None:
    with pytest.raises(NothingHappened, match=code):
        await sale.admit(wish(9))


async def _until(door: Server, condition: Callable[[str], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition(text(await door.command("CLUSTER", "INFO"))):
            await asyncio.sleep(0.01)


def _free_ports() -> tuple[str, str]:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1]), str(two.getsockname()[1])
