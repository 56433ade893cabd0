"""The menu: each fault strikes, and heals again."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

from acceptance.kept_shop import KeptShop
from chaos.history import History, Strike
from chaos.ledger_server import LedgerServer
from chaos.valkeys import Valkeys

from doorbuster.faults import NotDone
from doorbuster.sale_acts import Adjustment, adjust, change_state
from lua.faults import RedisFault
from sql.faults import LedgerFault

ADMIT_AGAIN = "0"  # maxmemory without a bound
LONGEST_TAIL_BYTES = 20_000
OPERATORS_ATTEMPTS = 20


@dataclass(kw_only=True)
class World:
    """All that can be hurt."""

    shop: KeptShop
    valkeys: Valkeys
    ledger: LedgerServer
    history: History
    sale: str
    rng: random.Random

    async def pause(self, shortest: float, longest: float) -> None:
        """Leave things as they are for a while."""
        await asyncio.sleep(self.rng.uniform(shortest, longest))

    def count_kill(self, strike: Strike) -> None:
        """A process is about to die; that nobody waited through shows nothing."""
        strike.kills += self.history.unanswered.total() > 0


Act = Callable[[World, Strike], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`weight` is how often it is chosen; `strike` hurts, `heal` makes everything run again."""

    name: str
    weight: int
    strike: Act
    heal: Act


async def nothing(_world: World, _strike: Strike) -> None:
    """What heals by itself."""


# Processes of ours


def killing(name: str, weight: int) -> Fault:
    """Kill one of our processes, and start it again."""

    async def strike(world: World, strike: Strike) -> None:
        world.count_kill(strike)
        await world.shop.kill(name)
        await world.pause(0.0, 0.3)

    async def heal(world: World, _strike: Strike) -> None:
        await world.shop.start(name)

    return Fault(name=f"kill -9 {name[:-2]}", weight=weight, strike=strike, heal=heal)


def freezing(name: str) -> Fault:
    """Stop one of our processes for longer than a lease, or for less."""

    async def strike(world: World, _strike: Strike) -> None:
        with world.shop.frozen(name):
            await world.pause(0.2, 4.0)

    return Fault(name=f"SIGSTOP {name[:-2]}", weight=1, strike=strike, heal=nothing)


# Valkey


async def kill_valkey(world: World, strike: Strike) -> None:
    world.count_kill(strike)
    await world.valkeys.primary.kill()
    await world.pause(0.0, 0.3)


async def start_valkey(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.start()


async def freeze_valkey(world: World, _strike: Strike) -> None:
    await _frozen(world, world.valkeys.primary.pid, 0.2, 3.0)


async def freeze_replica(world: World, _strike: Strike) -> None:
    await _frozen(world, world.valkeys.replica.pid, 0.5, 3.0)


async def freeze_postgres(world: World, _strike: Strike) -> None:
    """The postmaster alone: whoever is connected goes on, nobody else gets in."""
    await _frozen(world, world.ledger.pid, 0.5, 3.0)


async def lose_replies(world: World, _strike: Strike) -> None:
    world.valkeys.front.loss = 0.05
    await world.pause(0.5, 2.0)


async def delay_replies(world: World, _strike: Strike) -> None:
    world.valkeys.front.delay_seconds = 0.4
    await world.pause(0.5, 2.0)


async def hold_replies(world: World, _strike: Strike) -> None:
    """What Redis did is done, and nobody hears of it before the connection is gone."""
    world.valkeys.front.hold()
    await world.pause(0.1, 2.5)
    world.valkeys.front.cut()


async def calm(world: World, _strike: Strike) -> None:
    front = world.valkeys.front
    front.loss = front.delay_seconds = 0.0
    front.resume()


async def flush_scripts(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.command("SCRIPT", "FLUSH")


async def fill_memory(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.command("CONFIG", "SET", "maxmemory", "1mb")
    await world.pause(0.5, 2.0)


async def free_memory(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.command("CONFIG", "SET", "maxmemory", ADMIT_AGAIN)


async def demote(world: World, _strike: Strike) -> None:
    """The same process with the same data, and a new history: nothing may be taken for granted."""
    await world.valkeys.demote_and_promote(world.rng.uniform(0.0, 0.4))


async def empty_valkey(world: World, strike: Strike) -> None:
    strike.loses_redis = True
    await world.valkeys.primary.command("FLUSHALL")


async def cut_log(world: World, strike: Strike) -> None:
    strike.loses_redis = True
    await kill_valkey(world, strike)
    world.valkeys.primary.cut_log(world.rng.randint(1, LONGEST_TAIL_BYTES))


async def fail_over(world: World, strike: Strike) -> None:
    """The replica has all that a WAIT has counted."""
    await world.valkeys.linked()
    await _kill_and_promote(world, strike)


async def _kill_and_promote(world: World, strike: Strike) -> None:
    world.count_kill(strike)
    strike.failovers += 1
    await world.valkeys.primary.kill()
    await world.valkeys.fail_over()


async def fail_over_behind(world: World, strike: Strike) -> None:
    """The replica has heard nothing for a while."""
    strike.loses_redis = True
    await world.valkeys.linked()
    world.valkeys.wire.hold()
    await world.pause(0.1, 0.6)
    await _kill_and_promote(world, strike)


async def follow_again(world: World, _strike: Strike) -> None:
    await world.valkeys.follow()


# Postgres


async def stop_postgres(world: World, strike: Strike) -> None:
    world.count_kill(strike)
    await world.ledger.stop_immediately()
    await world.pause(0.0, 2.5)


async def start_postgres(world: World, _strike: Strike) -> None:
    await world.ledger.start()


async def cut_postgres(world: World, _strike: Strike) -> None:
    for _ in range(world.rng.randint(1, 5)):
        await world.ledger.terminate_connections()
        await world.pause(0.0, 0.2)


async def roll_back_ledger(world: World, strike: Strike) -> None:
    await world.ledger.copy()
    strike.ledger_lost_from = time.monotonic()
    strike.loses_redis = True
    await world.pause(1.0, 3.0)
    await world.ledger.restore()


# What operators do


async def grant(world: World, _strike: Strike) -> None:
    await _adjust(world, world.rng.choice(["MUG", "RING"]), world.rng.randint(1, 60))


async def lower(world: World, _strike: Strike) -> None:
    await _adjust(world, world.rng.choice(["LAMP", "MUG"]), -world.rng.randint(1, 20))


async def pause_sale(world: World, _strike: Strike) -> None:
    await _change_state(world, "pause")
    await world.pause(0.1, 0.5)


async def resume_sale(world: World, _strike: Strike) -> None:
    await _change_state(world, "resume")


async def _change_state(world: World, act: str) -> None:
    """As an operator does: once more, until it was not the servers that were in the way."""
    for _ in range(OPERATORS_ATTEMPTS):
        try:
            await change_state(world.shop.servers, world.sale, act)
        except (RedisFault, LedgerFault):
            await asyncio.sleep(0.2)
        else:
            return


async def _adjust(world: World, sku: str, delta: int) -> None:
    adjustment = Adjustment(
        sale_id=world.sale, sku=sku, delta=delta, reason=uuid4().hex, request=None
    )
    try:
        await adjust(world.shop.servers, adjustment)
    except (NotDone, RedisFault, LedgerFault):
        # Too few are left, or the operator was told to try again: nothing that the books miss.
        return


async def _frozen(world: World, pid: int, shortest: float, longest: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        await world.pause(shortest, longest)
    finally:
        os.kill(pid, signal.SIGCONT)


# Which of them a level is to survive

# A gateway takes a second or two to be back, a reconciler is missed by nobody but its sales.
OURS = {"gateway-1": 3, "gateway-2": 3, "reconciler-1": 8, "reconciler-2": 8}

HARMLESS = (
    *(killing(name, weight) for name, weight in OURS.items()),
    *(freezing(name) for name in OURS),
    Fault(name="kill -9 valkey", weight=24, strike=kill_valkey, heal=start_valkey),
    Fault(name="SIGSTOP valkey", weight=2, strike=freeze_valkey, heal=nothing),
    Fault(name="SIGSTOP replica", weight=1, strike=freeze_replica, heal=nothing),
    Fault(name="SIGSTOP postgres", weight=1, strike=freeze_postgres, heal=nothing),
    Fault(name="replies lost after execution", weight=2, strike=lose_replies, heal=calm),
    Fault(name="replies delayed", weight=1, strike=delay_replies, heal=calm),
    Fault(name="connections held, then cut", weight=2, strike=hold_replies, heal=calm),
    Fault(name="SCRIPT FLUSH", weight=1, strike=flush_scripts, heal=nothing),
    Fault(name="memory full", weight=1, strike=fill_memory, heal=free_memory),
    Fault(name="demoted and promoted again", weight=2, strike=demote, heal=nothing),
    Fault(name="postgres stopped immediately", weight=3, strike=stop_postgres, heal=start_postgres),
    Fault(name="postgres connections terminated", weight=1, strike=cut_postgres, heal=nothing),
    Fault(name="grant", weight=2, strike=grant, heal=nothing),
    Fault(name="lowering", weight=2, strike=lower, heal=nothing),
    Fault(name="pause and resume", weight=1, strike=pause_sale, heal=resume_sale),
)
LOSING_REDIS = (
    Fault(name="FLUSHALL", weight=3, strike=empty_valkey, heal=nothing),
    Fault(name="valkey restarted with its log cut", weight=4, strike=cut_log, heal=start_valkey),
    Fault(
        name="failover to a replica behind", weight=18, strike=fail_over_behind, heal=follow_again
    ),
)
FAILOVER = Fault(
    name="failover to a replica in step", weight=20, strike=fail_over, heal=follow_again
)
ROLLBACK = Fault(
    name="postgres restored from an older copy", weight=1, strike=roll_back_ledger, heal=nothing
)

MENUS = {
    "memory": (*HARMLESS, *LOSING_REDIS, ROLLBACK),
    "fsync": (*HARMLESS, *LOSING_REDIS, ROLLBACK),
    "replicated": (*HARMLESS, FAILOVER),
    "ledger": (*HARMLESS, *LOSING_REDIS),
}
