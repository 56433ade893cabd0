"""Sentinel promotes a replica, and whoever is behind an address that follows it sells on by itself.

A gateway is given one address of Redis. Where Sentinel decides which server that is, something in
front of it has to follow Sentinel, as a proxy or a service address does; here it is a few lines.
"""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from chaos.link import Link, Streams, listening_at, listening_on_a_port
from chaos.valkeys import Node
from kept_shop import KeptShop, keeping_shop, until_true
from shop import settings_for

from doorbuster.child import running
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.process import Command
from lua.faults import RedisFault
from lua.replies import array, text
from lua.server import Server

pytestmark = pytest.mark.proof

NAME = "doorbuster"
SENTINELS = 3
DOWN_MS = 500
# Sentinel has to agree on the loss, on who is to lead, and on a replica; then the sale recovers.
FAILOVER_SECONDS = 30.0
# What comes back as a primary is left alone for some seconds, and for half a minute more by a
# Sentinel that was held up itself, which it calls TILT.
RETURN_SECONDS = 90.0
UNITS = 100
ROWS = "select id from reservation where sale_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinel:
    """A server that watches the primary, by a file that it writes to."""

    folder: Path
    port: int
    primary: int

    name = "sentinel"

    async def prepare(self) -> Command:
        self.folder.mkdir()
        file = self.folder / "sentinel.conf"
        lines = [
            f"port {self.port}",
            f"dir {self.folder}",
            f"sentinel monitor {NAME} 127.0.0.1 {self.primary} 2",
            f"sentinel down-after-milliseconds {NAME} {DOWN_MS}",
            f"sentinel failover-timeout {NAME} 5000",
        ]
        file.write_text("\n".join(lines))
        binary = EmbeddedValkey(directory=self.folder).binary
        log = self.folder / "sentinel.log"
        return Command(name=self.name, argv=[binary, str(file), "--sentinel"], log=log)

    async def ready(self) -> None:
        await until_true(self._answers, seconds=FAILOVER_SECONDS)

    async def ask(self, *words: str) -> list[str]:
        async with Server(f"redis://127.0.0.1:{self.port}", connections=1) as server:
            return [text(word) for word in array(await server.command("SENTINEL", *words))]

    async def knows(self, *, replicas: int) -> bool:
        """Whether it has heard of so many replicas, and of the other Sentinels."""
        facts = await self.ask("MASTER", NAME)
        known = dict(zip(facts[::2], facts[1::2], strict=True))
        return (int(known["num-slaves"]), int(known["num-other-sentinels"])) == (
            replicas,
            SENTINELS - 1,
        )

    async def _answers(self) -> bool:
        try:
            return await self.ask("GET-MASTER-ADDR-BY-NAME", NAME) != []
        except RedisFault:
            return False


@dataclass(kw_only=True)
class Watched:
    """Two servers and those that watch them; `wire` is what the replica hears the primary by."""

    nodes: Mapping[int, Node]
    sentinels: list[Sentinel]
    wire: Link
    shop: KeptShop

    async def primary(self) -> Node:
        """As Sentinel has it."""
        _, port = await self.sentinels[0].ask("GET-MASTER-ADDR-BY-NAME", NAME)
        return self.nodes[int(port)]


@pytest.fixture
async def watched(short_folder: Path, database_url: str) -> AsyncIterator[Watched]:
    rng = random.Random()
    one, two = (Node(short_folder / name, {}) for name in ("one", "two"))
    sentinels = [
        Sentinel(folder=short_folder / f"sentinel-{number}", port=port, primary=one.port)
        for number, port in enumerate(_free_ports(SENTINELS))
    ]
    nodes = {node.port: node for node in (one, two)}

    async def connect() -> Streams:
        _, port = await sentinels[0].ask("GET-MASTER-ADDR-BY-NAME", NAME)
        return await asyncio.open_unix_connection(nodes[int(port)].server.socket)

    async def hear() -> Streams:
        return await asyncio.open_connection("127.0.0.1", one.port)

    front, wire = Link(connect, rng), Link(hear, rng)
    address = short_folder / "front.sock"
    async with AsyncExitStack() as stack:
        wire_port = await stack.enter_async_context(listening_on_a_port(wire))
        await stack.enter_async_context(listening_at(front, address))
        for node, primary in ((one, None), (two, wire_port)):
            await node.start(primary)
            stack.push_async_callback(node.stop)
        for sentinel in sentinels:
            await stack.enter_async_context(running(sentinel))
        settings = settings_for(f"unix://{address}", database_url, short_folder)
        shop = await stack.enter_async_context(keeping_shop(settings, short_folder))
        watched = Watched(nodes=nodes, sentinels=sentinels, wire=wire, shop=shop)
        for sentinel in sentinels:
            await until_true(lambda s=sentinel: s.knows(replicas=1), seconds=FAILOVER_SECONDS)
        yield watched


@pytest.mark.timeout(180)
async def test_after_a_failover_of_sentinels_a_sale_goes_on_by_itself(watched: Watched) -> None:
    shop = watched.shop
    sale_id = await shop.sell(UNITS)
    told = [await shop.buy(sale_id, f"early-{number}", key="k") for number in range(5)]
    watched.wire.hold()  # from here on the replica lags
    told += [await shop.buy(sale_id, f"late-{number}", key="k") for number in range(5)]
    assert {answer.status for answer in told} == {201}
    ids = {answer.body["id"] for answer in told}
    await until_true(lambda: _are_in_ledger(shop, sale_id, ids))

    before = await watched.primary()
    await before.kill()
    watched.wire.cut()
    await until_true(lambda: _is_another(watched, before), seconds=FAILOVER_SECONDS)
    await until_true(lambda: _is_sold(shop, sale_id, "after"), seconds=FAILOVER_SECONDS)

    # The old one comes back as what Sentinel makes of it, and is promoted in its turn.
    await before.start()
    after = await watched.primary()
    await until_true(lambda: _follows(before), seconds=RETURN_SECONDS)
    await after.kill()
    await until_true(lambda: _is_another(watched, after), seconds=FAILOVER_SECONDS)
    await until_true(lambda: _is_sold(shop, sale_id, "at last"), seconds=FAILOVER_SECONDS)
    # The ledger had all of it, so what the replica had not heard cost nobody.
    assert await _are_in_ledger(shop, sale_id, ids)
    await shop.audited(sale_id)
    assert await shop.stock(sale_id) == {"LAMP-1": UNITS - len(ids) - 2}


async def _is_another(watched: Watched, before: Node) -> bool:
    return await watched.primary() is not before


async def _is_sold(shop: KeptShop, sale_id: str, customer: str) -> bool:
    answer = await shop.buy(sale_id, customer, key="k")
    assert answer.status in {200, 201, 202, 503}, answer
    return answer.status in {200, 201}


async def _follows(node: Node) -> bool:
    try:
        return "master_link_status:up" in await node.command("INFO", "replication")
    except RedisFault:
        return False


async def _are_in_ledger(shop: KeptShop, sale_id: str, ids: set[str]) -> bool:
    rows = await shop.servers.database.rows(ROWS, sale_id)
    return ids <= {str(row["id"]) for row in rows}


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at; all are held until the last is found."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
