"""One run: servers, shop, crowd, watcher and nemesis; then rest, and the verdict."""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from acceptance.kept_shop import KeptShop, keeping_shop
from acceptance.watcher import Watcher
from chaos import kept
from chaos.books import Books, read_books
from chaos.checker import check
from chaos.chronicle import Chronicler
from chaos.customers import HOLD_SECONDS, OFFERS, Crowd
from chaos.history import GATEWAY_APART, History, Sight
from chaos.ledger_server import LedgerServer
from chaos.menus import MENUS
from chaos.nemesis import Nemesis, NotAgain
from chaos.outcome import Outcome, Plan
from chaos.valkeys import Valkeys, options_for
from chaos.violation import Violation
from chaos.world import Fault, World
from shop import settings_for

from sql.migrate import migrate

SAMPLES = {"ledger": 0.1}
SEEN_SECONDS = 10.0


async def run(plan: Plan, keep: Path | None = None) -> Outcome:
    """Run it; what is needed to understand it is kept in the folder."""
    with tempfile.TemporaryDirectory(prefix="dbc-", dir="/tmp") as name:
        folder, history = Path(name), History()
        os.chmod(name, 0o711)  # noqa: PTH101, S103 (Postgres, as another user, walks through)
        async with _world(plan, folder, history) as world:
            outcome = await _run(plan, world, history)
        if keep:
            kept.keep(outcome, folder, keep)
    return outcome


def menu_of(plan: Plan) -> list[Fault]:
    """The faults that it is about."""
    return [each for each in MENUS[plan.level] if not plan.only or each.name in plan.only]


@asynccontextmanager
async def _world(plan: Plan, folder: Path, history: History) -> AsyncIterator[World]:
    rng = random.Random(plan.seed)
    ledger = LedgerServer(folder / "postgres")
    valkeys = Valkeys(folder, options_for(plan.level), rng)
    await ledger.start()
    try:
        await migrate(ledger.url)
        settings = settings_for(valkeys.url, ledger.url, folder)
        settings["DOORBUSTER_DURABILITY"] = plan.level
        settings["DOORBUSTER_AUDIT_SECONDS"] = "1"  # a drift that is none would be an alarm
        async with (
            valkeys.running(),
            keeping_shop(
                settings,
                folder,
                gateways=2,
                reconcilers=2,
                own={f"gateway-{GATEWAY_APART + 1}": {"DOORBUSTER_REDIS_URL": valkeys.side_url}},
            ) as shop,
        ):
            yield World(
                shop=shop,
                valkeys=valkeys,
                ledger=ledger,
                history=history,
                sale=await _open(shop),
                rng=rng,
            )
    finally:
        await ledger.stop()


async def _open(shop: KeptShop) -> str:
    sale = {
        "id": "friday",
        "hold_seconds": HOLD_SECONDS,
        "items": [
            {
                "sku": offer.sku,
                "price": 1999,
                "units": offer.units,
                "limit_per_customer": offer.limit,
            }
            for offer in OFFERS
        ],
    }
    await shop.open_sale(shop.folder, sale)
    return "friday"


async def _run(plan: Plan, world: World, history: History) -> Outcome:
    crowd = Crowd(
        shop=world.shop,
        history=history,
        sale=world.sale,
        seed=plan.seed,
        settle_key=await world.shop.key(),
        database_url=world.ledger.url,
        samples=SAMPLES.get(plan.level, 0.0),
    )
    watcher = Watcher(world.shop.addresses[1], world.sale)
    chronicler = Chronicler(world.valkeys, world.sale, history)
    watching = [asyncio.create_task(each.run()) for each in (watcher, chronicler)]
    buying = asyncio.create_task(crowd.run(plan.workers))
    stuck = []
    try:
        until = time.monotonic() + plan.seconds
        nemesis = Nemesis(world, history, menu=menu_of(plan))
        await nemesis.run(until=until, enough=lambda: bool(plan.enough and plan.enough(history)))
    except NotAgain as fault:
        stuck.append(Violation(invariant="liveness", what=str(fault)))
    finally:
        struck = time.monotonic() - history.began
        crowd.stopped.set()
        await buying
    books = await read_books(world.shop.servers, world.sale)
    await _seen(watcher, books)
    for each in watching:
        each.cancel()
    history.sights = [_sight(event.id, event.data) for event in watcher.seen]
    return Outcome(
        plan=plan,
        history=history,
        books=books,
        violations=[*stuck, *check(history, books)],
        said=world.shop.faults(),
        seconds=struck,
    )


async def _seen(watcher: Watcher, books: Books) -> None:
    """Give the watcher a moment to be sent the last state."""
    deadline = time.monotonic() + SEEN_SECONDS
    last = f"{books.epoch}-{books.version}"
    while time.monotonic() < deadline and (not watcher.seen or watcher.seen[-1].id != last):
        await asyncio.sleep(0.05)


def _sight(id_: str, data: dict[str, list[dict[str, int]]]) -> Sight:
    epoch, version = id_.split("-")
    stock = {str(item["sku"]): item["available"] for item in data["items"]}
    return Sight(epoch=int(epoch), version=int(version), stock=stock)
