"""Buyers, operators and faults at once, by a seed; afterwards the books are those of a quiet day.

`DOORBUSTER_TEST_SEED` repeats a run as far as the scheduler does, `DOORBUSTER_FAULT_SECONDS` makes
it longer. Whole processes and servers that lose data are for `tests/chaos`.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import pytest
from drafts import LAMP, MUG, draft, open_sale
from private_redis import PrivateRedis
from till import Till, cancelled_after, eventually, new_checkout

from lua.admission import Admitted, Checkout, Replayed
from lua.faults import RedisFault
from lua.server import Server
from lua.store import Decided, OtherEpoch
from reconciler.metrics import Metrics
from reconciler.self_audit import Rhythm
from reconciler.service import Service
from sql import sales
from sql.alarms import AlarmKind, list_alarms
from sql.audit_log import last_audits
from sql.database import Database
from sql.faults import LedgerFault
from sql.reservations import State
from sql.settlement import Payment, pay, release

SEED = int(os.environ.get("DOORBUSTER_TEST_SEED", random.randrange(1 << 32)))
SECONDS = float(os.environ.get("DOORBUSTER_FAULT_SECONDS", "12"))
BUYERS = 24
CUSTOMERS = 150
HOLD_SECONDS = 2
LINES = [f"{LAMP}:1:500", f"{LAMP}:2:500", f"{MUG}:1:500", f"{LAMP}:1:500;{MUG}:1:500"]


@dataclass(kw_only=True)
class World:
    """A sale, its servers, and what happened to it."""

    till: Till
    redis: PrivateRedis
    database_url: str
    chance: random.Random
    services: list[asyncio.Task[None]] = field(default_factory=list)
    paid: set[UUID] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)
    ended: bool = False


# Buyers


async def shop_around(world: World, number: int) -> None:
    """One buyer after another at the same gateway, which learns of epochs by itself."""
    chance = random.Random(f"{SEED} {number}")
    gateway = Till(world.till.database, world.till.server, world.till.sale_id)
    gateway.told = world.till.told
    while not world.ended:
        customer = f"customer-{chance.randrange(CUSTOMERS)}"
        checkout = new_checkout(chance.choice(LINES), customer)
        bought = await decided(world, gateway, [checkout] * chance.choice([1, 1, 1, 2]))
        if bought and chance.random() < 0.6:
            await settle(world, UUID(hex=checkout.reservation), chance)
        await asyncio.sleep(chance.random() * 0.05)


async def decided(world: World, gateway: Till, checkouts: list[Checkout]) -> bool:
    """Ask until it is known; a call whose answer was lost is repeated with the same ids."""
    while not world.ended:
        try:
            records = [each.encode() for each in checkouts]
            reply = await gateway.store.admit(gateway.epoch, gateway.witness, records)
        except RedisFault as fault:
            world.events[type(fault).__name__] += 1
            await asyncio.sleep(0.02)
            continue
        match reply:
            case Decided():
                gateway.witness = max(gateway.witness, reply.version)
                return note(world, gateway, checkouts[0], reply)
            case OtherEpoch(epoch=epoch) if epoch > gateway.epoch:
                gateway.epoch, gateway.witness = epoch, 0
            case _:
                world.events[type(reply).__name__] += 1
                await asyncio.sleep(0.02)
    return False


def note(world: World, gateway: Till, checkout: Checkout, reply: Decided) -> bool:
    for outcome in reply.outcomes:
        world.events[type(outcome).__name__] += 1
        if isinstance(outcome, Admitted):
            gateway.told[UUID(hex=checkout.reservation)] = (reply.epoch, outcome.version)
    return isinstance(reply.outcomes[-1], Admitted | Replayed)


async def settle(world: World, reservation: UUID, chance: random.Random) -> None:
    """Pay or release; a hold may have ended before."""
    await asyncio.sleep(chance.random() * HOLD_SECONDS * 1.2)
    while not world.ended:
        with suppress(LedgerFault):
            if chance.random() < 0.3:
                if await release(world.till.database, reservation) is not None:
                    return
                continue
            payment = Payment(reservation=reservation, reference=reservation.hex)
            told = (await pay(world.till.database, [payment])).get(reservation)
            if told is not None:
                world.paid |= {reservation} if told.settled.state is State.PAID else set()
                return
        await asyncio.sleep(0.05)


# Operators and faults


async def kill_redis(world: World) -> None:
    await world.redis.kill()
    await asyncio.sleep(world.chance.random() * 0.3)
    await world.redis.start()


async def freeze_redis(world: World) -> None:
    world.redis.freeze()
    await asyncio.sleep(world.chance.random())
    world.redis.thaw()


async def forget_scripts(world: World) -> None:
    await world.till.server.command("SCRIPT", "FLUSH")


async def end_connections(world: World) -> None:
    connection = await asyncpg.connect(world.database_url)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    await connection.close()


async def cancel_a_reconciler(world: World) -> None:
    world.services[world.chance.randrange(2)].cancel()


async def grant(world: World) -> None:
    till, units = world.till, world.chance.randrange(1, 50)
    request = f"grant-{world.chance.random()}"
    await sales.grant(
        till.database, till.sale_id, sku=LAMP, units=units, request=request, context={}
    )


async def lower(world: World) -> None:
    record = await world.till.record()
    request = f"lower-{world.chance.random()}"
    await world.till.store.lower(record.epoch, request=request, sku=MUG, units=3, context="{}")


async def pause_for_a_moment(world: World) -> None:
    till = world.till
    await sales.change_state(till.database, till.sale_id, "pause")
    await asyncio.sleep(world.chance.random() * 0.3)
    await sales.change_state(till.database, till.sale_id, "resume")


FAULTS: list[Callable[[World], Awaitable[None]]] = [
    kill_redis,
    kill_redis,
    freeze_redis,
    forget_scripts,
    end_connections,
    cancel_a_reconciler,
    cancel_a_reconciler,
    grant,
    lower,
    pause_for_a_moment,
]


async def strike(world: World) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        await asyncio.sleep(world.chance.uniform(0.1, 0.8))
        fault = world.chance.choice(FAULTS)
        world.events[fault.__name__] += 1
        with suppress(LedgerFault, RedisFault):
            await fault(world)


async def reconcile(world: World, redis_url: str) -> None:
    """A reconciler that is started again whenever somebody has cancelled it, until we are."""
    while True:
        async with Server(redis_url) as server, Database(world.database_url) as database:
            service = asyncio.ensure_future(
                Service(database, server, Metrics(), Rhythm(0.1), leases=database).run(
                    asyncio.Event()
                )
            )
            world.services.append(service)
            world.services[:] = [each for each in world.services if not each.done()]
            try:
                await asyncio.wait([service])
            finally:
                service.cancel()
                await asyncio.gather(service, return_exceptions=True)
        assert service.cancelled(), service


@asynccontextmanager
async def open_world(database_url: str, redis: PrivateRedis, sale_id: str) -> AsyncIterator[World]:
    async with Server(redis.url, connections=16) as server, Database(database_url) as database:
        till = Till(database, server, sale_id)
        offers = {LAMP: 2_000, MUG: 300}
        await open_sale(database, draft(sale_id, offers, limit=3, hold_seconds=HOLD_SECONDS))
        world = World(till=till, redis=redis, database_url=database_url, chance=random.Random(SEED))
        async with (
            cancelled_after(reconcile(world, redis.url)),
            cancelled_after(reconcile(world, redis.url)),
        ):
            await till.until_open()
            yield world


@pytest.mark.proof
@pytest.mark.timeout(SECONDS + 120)
async def test_after_many_faults_the_books_are_right(
    database_url: str, private_redis: PrivateRedis, sale_id: str
) -> None:
    print(f"seed {SEED}")
    async with open_world(database_url, private_redis, sale_id) as world:
        async with asyncio.TaskGroup() as crowd:
            for number in range(BUYERS):
                crowd.create_task(shop_around(world, number))
            await strike(world)
            world.ended = True
        print(dict(world.events))
        await eventually(lambda: nothing_is_held(world.till), seconds=40)
        await world.till.check_books()
        await check_payments(world)
        alarms = await list_alarms(world.till.database, acknowledged=True)
        assert AlarmKind.DRIFT not in {each.kind for each in alarms}, alarms
        assert await last_audits(world.till.database)
    assert world.events["Admitted"] > 100
    assert len(world.till.told) == world.events["Admitted"]


async def nothing_is_held(till: Till) -> bool:
    try:
        return await till.count("reservation", "state = 'held'") == 0 and await till.is_settled()
    except LedgerFault:
        return False


async def check_payments(world: World) -> None:
    rows = await world.till.database.rows("select id from reservation where state = 'paid'")
    assert world.paid <= {row["id"] for row in rows}
