"""What happens to Valkey, its replica, and the connections to it."""

from chaos.history import Strike
from chaos.link import Link
from chaos.world import Fault, World

ADMIT_AGAIN = "0"  # maxmemory without a bound
LONGEST_TAIL_BYTES = 20_000
ROOM_BYTES = 4_000  # a few checkouts


async def kill_valkey(world: World, strike: Strike) -> None:
    world.count_kill(strike)
    await world.valkeys.primary.kill()
    await world.pause(0.0, 0.3)


async def start_valkey(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.start()


async def freeze_valkey(world: World, _strike: Strike) -> None:
    await world.freeze(world.valkeys.primary.pid, 0.2, 3.0)


async def freeze_replica(world: World, _strike: Strike) -> None:
    await world.freeze(world.valkeys.replica.pid, 0.5, 3.0)


async def lose_replies(world: World, _strike: Strike) -> None:
    for front in _fronts(world):
        front.loss = 0.05
    await world.pause(0.5, 2.0)


async def delay_replies(world: World, _strike: Strike) -> None:
    for front in _fronts(world):
        front.delay_seconds = 0.4
    await world.pause(0.5, 2.0)


async def hold_replies(world: World, _strike: Strike) -> None:
    """What Redis did is done, and nobody hears of it before the connection is gone."""
    for front in _fronts(world):
        front.hold()
    await world.pause(0.1, 2.5)
    for front in _fronts(world):
        front.cut()


async def calm(world: World, _strike: Strike) -> None:
    for front in _fronts(world):
        front.loss = front.delay_seconds = 0.0
        front.resume()


def _fronts(world: World) -> tuple[Link, Link]:
    return world.valkeys.front, world.valkeys.side


async def flush_scripts(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.command("SCRIPT", "FLUSH")


async def fill_memory(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.command("CONFIG", "SET", "maxmemory", "1mb")
    await world.pause(0.5, 2.0)


async def free_memory(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.command("CONFIG", "SET", "maxmemory", ADMIT_AGAIN)


async def fill_disk(world: World, strike: Strike) -> None:
    """It cannot write its log any more: one that has to ends, the other one refuses to write."""
    world.count_kill(strike)
    world.valkeys.primary.fill_disk(world.rng.randint(0, ROOM_BYTES))
    await world.pause(0.5, 2.0)


async def free_disk(world: World, _strike: Strike) -> None:
    await world.valkeys.primary.free_disk()


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


async def go_back(world: World, strike: Strike) -> None:
    """As an operator does who restores a backup."""
    strike.loses_redis = True
    await world.valkeys.primary.copy()
    await world.pause(0.2, 1.5)
    await kill_valkey(world, strike)
    world.valkeys.primary.restore()


async def isolate(world: World, strike: Strike) -> None:
    """The replica is promoted, and one gateway goes on with the old primary for a while."""
    await world.valkeys.linked()
    strike.apart = True
    strike.failovers += 1
    await world.valkeys.isolate()
    await world.pause(0.5, 3.0)
    world.count_kill(strike)
    await world.valkeys.rejoin()


async def isolate_and_lose(world: World, strike: Strike) -> None:
    """What the old primary says meanwhile is gone with it."""
    strike.loses_redis = True
    await isolate(world, strike)


async def fail_over(world: World, strike: Strike) -> None:
    """The replica has all that a WAIT has counted."""
    await world.valkeys.linked()
    await _kill_and_promote(world, strike)


async def fail_over_behind(world: World, strike: Strike) -> None:
    """The replica has heard nothing for a while."""
    strike.loses_redis = True
    await world.valkeys.linked()
    world.valkeys.wire.hold()
    await world.pause(0.1, 0.6)
    await _kill_and_promote(world, strike)


async def follow_again(world: World, _strike: Strike) -> None:
    await world.valkeys.follow()


async def _kill_and_promote(world: World, strike: Strike) -> None:
    world.count_kill(strike)
    strike.failovers += 1
    await world.valkeys.primary.kill()
    await world.valkeys.fail_over()


VALKEY, FRONT = frozenset({"valkey"}), frozenset({"front"})
HARMLESS = (
    Fault(name="kill -9 valkey", weight=24, targets=VALKEY, strike=kill_valkey, heal=start_valkey),
    Fault(name="SIGSTOP valkey", weight=2, targets=VALKEY, strike=freeze_valkey),
    Fault(name="SIGSTOP replica", weight=1, targets=VALKEY, strike=freeze_replica),
    Fault(
        name="replies lost after execution",
        weight=2,
        targets=FRONT,
        strike=lose_replies,
        heal=calm,
    ),
    Fault(name="replies delayed", weight=1, targets=FRONT, strike=delay_replies, heal=calm),
    Fault(
        name="connections held, then cut", weight=2, targets=FRONT, strike=hold_replies, heal=calm
    ),
    Fault(name="SCRIPT FLUSH", weight=1, targets=VALKEY, strike=flush_scripts),
    Fault(name="memory full", weight=1, targets=VALKEY, strike=fill_memory, heal=free_memory),
    Fault(name="disk full", weight=2, targets=VALKEY, strike=fill_disk, heal=free_disk),
    Fault(name="demoted and promoted again", weight=2, targets=VALKEY, strike=demote),
)
# What Redis had said may be gone after these.
LOSING = (
    Fault(name="FLUSHALL", weight=3, targets=VALKEY, strike=empty_valkey, forgets=True),
    Fault(
        name="valkey restarted with its log cut",
        weight=4,
        targets=VALKEY,
        strike=cut_log,
        heal=start_valkey,
        forgets=True,
    ),
    Fault(
        name="valkey restored from an older copy",
        weight=3,
        targets=VALKEY,
        strike=go_back,
        heal=start_valkey,
        forgets=True,
    ),
    Fault(
        name="failover, and the old primary goes on",
        weight=4,
        targets=VALKEY | {"gateway-2", "front"},
        strike=isolate_and_lose,
        heal=follow_again,
        forgets=True,
    ),
    Fault(
        name="failover to a replica behind",
        weight=18,
        targets=VALKEY,
        strike=fail_over_behind,
        heal=follow_again,
        forgets=True,
    ),
)
# Whatever was told, the replica has.
FAILOVERS = (
    Fault(
        name="failover to a replica in step",
        weight=20,
        targets=VALKEY,
        strike=fail_over,
        heal=follow_again,
    ),
    Fault(
        name="failover, and the old primary goes on",
        weight=4,
        targets=VALKEY | {"gateway-2", "front"},
        strike=isolate,
        heal=follow_again,
    ),
)
