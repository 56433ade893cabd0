"""What happens to gateways and reconcilers, and what operators do meanwhile."""

import asyncio
from uuid import uuid4

from chaos.history import Strike
from chaos.world import Fault, World

from doorbuster.faults import NotDone
from doorbuster.sale_acts import adjust, change_state
from gateway.admin.sale_acts import Adjustment
from lua.faults import RedisFault
from sql.faults import LedgerFault

OPERATORS_ATTEMPTS = 20
# A gateway takes a second or two to be back, a reconciler is missed by nobody but its sales.
OURS = {"gateway-1": 3, "gateway-2": 3, "reconciler-1": 8, "reconciler-2": 8}


def killing(name: str, weight: int) -> Fault:
    """Kill one of our processes, and start it again."""

    async def strike(world: World, strike: Strike) -> None:
        world.count_kill(strike)
        await world.shop.kill(name)
        await world.pause(0.0, 0.3)

    async def heal(world: World, _strike: Strike) -> None:
        await world.shop.start(name)

    return Fault(
        name=f"kill -9 {name[:-2]}",
        weight=weight,
        targets=frozenset({name}),
        strike=strike,
        heal=heal,
        forgets=name.startswith("gateway"),
    )


def freezing(name: str) -> Fault:
    """Stop one of our processes for longer than a lease, or for less."""

    async def strike(world: World, _strike: Strike) -> None:
        await world.freeze(world.shop.processes[name].pid, 0.2, 4.0)

    return Fault(name=f"SIGSTOP {name[:-2]}", weight=1, targets=frozenset({name}), strike=strike)


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
        sale_id=world.sale,
        sku=sku,
        delta=delta,
        reason=uuid4().hex,
        actor="cli:chaos",
        request=None,
    )
    try:
        await adjust(world.shop.servers, adjustment)
    except (NotDone, RedisFault, LedgerFault):
        # Too few are left, or the operator was told to try again: nothing that the books miss.
        return


STOCK, STATE = frozenset({"stock"}), frozenset({"state"})
FAULTS = (
    *(killing(name, weight) for name, weight in OURS.items()),
    *(freezing(name) for name in OURS),
    Fault(name="grant", weight=2, targets=STOCK, strike=grant),
    Fault(name="lowering", weight=2, targets=STOCK, strike=lower),
    Fault(name="pause and resume", weight=1, targets=STATE, strike=pause_sale, heal=resume_sale),
)
