"""What happens to Postgres."""

from chaos.history import Strike
from chaos.world import TARGETS, Fault, World


async def freeze(world: World, _strike: Strike) -> None:
    """The postmaster alone: whoever is connected goes on, nobody else gets in."""
    await world.freeze(world.ledger.pid, 0.5, 3.0)


async def stop(world: World, strike: Strike) -> None:
    world.count_kill(strike)
    await world.ledger.stop_immediately()
    await world.pause(0.0, 2.5)


async def start(world: World, _strike: Strike) -> None:
    await world.ledger.start()


async def cut(world: World, _strike: Strike) -> None:
    for _ in range(world.rng.randint(1, 5)):
        await world.ledger.terminate_connections()
        await world.pause(0.0, 0.2)


async def roll_back(world: World, strike: Strike) -> None:
    strike.ledger_lost_from = await world.ledger.copy()
    strike.loses_redis = True
    await world.pause(1.0, 3.0)
    await world.ledger.restore()


POSTGRES = frozenset({"postgres"})
FAULTS = (
    Fault(name="SIGSTOP postgres", weight=1, targets=POSTGRES, strike=freeze),
    Fault(name="postgres stopped immediately", weight=3, targets=POSTGRES, strike=stop, heal=start),
    Fault(name="postgres connections terminated", weight=1, targets=POSTGRES, strike=cut),
)
# Alone: only Redis can tell that the ledger was taken back, so it has to keep what it knows.
ROLLBACK = Fault(
    name="postgres restored from an older copy",
    weight=3,
    targets=TARGETS,
    strike=roll_back,
    forgets=True,
)
