"""The scripts run on a node of a cluster: all keys of a sale live in one slot."""

import asyncio

import pytest
from books import check
from own_server import OwnServer
from selling import FSYNC, LAMP, Offer, Sale, digest, record_fields, reservation, wish

from lua.admission import Admitted
from lua.carts import Cart
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
