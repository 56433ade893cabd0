"""A crowd that buys, pays, gives up and clicks twice, and writes down all that it is told."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from buyer import Answer, Line
from chaos.history import Checkout, History
from shop import Shop

REQUEST_SECONDS = 6.0
GIVE_UP_SECONDS = 60.0
RETRY_SECONDS = 0.1
MAX_PAUSE_SECONDS = 0.12
ROUNDS_A_CUSTOMER = 4  # then somebody else comes: some buyers meet their limit, most do not
HOLD_SECONDS = 3
# The ledger is away, or ended the connection in the middle of something.
UNASKED = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# What a retry is worth for: everything else is a verdict.
RETRIED = frozenset({0, 202, 429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An item of the sale."""

    sku: str
    units: int
    limit: int


# One that never sells out, one that does again and again, and one that is gone at once.
OFFERS = (
    Offer(sku="LAMP", units=100_000, limit=6),
    Offer(sku="MUG", units=150, limit=2),
    Offer(sku="RING", units=12, limit=1),
)


@dataclass(kw_only=True)
class Crowd:
    """`samples` is the chance that an acknowledgement is looked up in the ledger at once."""

    shop: Shop
    history: History
    sale: str
    seed: int
    settle_key: str
    database_url: str
    samples: float = 0.0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: dict[int, list[tuple[Line, asyncio.StreamWriter]]] = field(default_factory=dict)

    async def run(self, workers: int) -> None:
        """Buy until stopped, then until each of them knows what came of it."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(workers):
                tasks.create_task(self._visit(number, tasks))
        for pool in self._idle.values():
            for _, writer in pool:
                writer.close()

    async def _visit(self, number: int, tasks: asyncio.TaskGroup) -> None:
        rng = random.Random(f"{self.seed}-{number}")
        count = 0
        while not self.stopped.is_set():
            count += 1
            wish = Wish(
                customer=f"customer-{number}-{count // ROUNDS_A_CUSTOMER}",
                key=f"order-{self.seed}-{number}-{count}",
                lines=_lines(rng),
            )
            with suppress(TimeoutError):
                await self._buy(wish, rng, tasks)
            await asyncio.sleep(rng.random() * MAX_PAUSE_SECONDS)

    async def _buy(self, wish: "Wish", rng: random.Random, tasks: asyncio.TaskGroup) -> None:
        if rng.random() < 0.1:  # a double click, on two gateways
            await asyncio.gather(*(self._check_out(wish, each, rng) for each in self._gateways))
        async with asyncio.timeout(GIVE_UP_SECONDS):
            told = await self._check_out(wish, rng.choice(self._gateways), rng)
            while told.status in RETRIED:
                await asyncio.sleep(RETRY_SECONDS * rng.random())
                told = await self._check_out(wish, rng.choice(self._gateways), rng)
        if not told.reserved:
            return
        if rng.random() < 0.1:  # the same key once more
            await self._check_out(wish, rng.choice(self._gateways), rng)
        self._decide(wish, told, rng, tasks)

    def _decide(
        self, wish: "Wish", told: Checkout, rng: random.Random, tasks: asyncio.TaskGroup
    ) -> None:
        """Pay, pay twice, pay too late, give up, or let the hold lapse."""
        chance, mine = rng.random(), random.Random(rng.random())
        if chance < 0.30:
            tasks.create_task(self._settle(wish, told.id, "confirm", "first", mine, 0.5))
        elif chance < 0.35:
            for name in ("first", "second"):
                rival = random.Random(mine.random())
                tasks.create_task(self._settle(wish, told.id, "confirm", name, rival, 0.5))
        elif chance < 0.42:
            late = HOLD_SECONDS + 0.5
            tasks.create_task(self._settle(wish, told.id, "confirm", "late", mine, late))
        elif chance < 0.57:
            tasks.create_task(self._settle(wish, told.id, "release", "", mine, 1.0))

    # One request

    async def _check_out(self, wish: "Wish", gateway: int, rng: random.Random) -> Checkout:
        checkout = self.history.begin_checkout(
            customer=wish.customer, key=wish.key, lines=wish.lines, gateway=gateway
        )
        answer = await self._send(
            gateway,
            "POST",
            f"/v1/sales/{self.sale}/checkout",
            token=self.shop.token(wish.customer),
            body={"lines": [{"sku": sku, "quantity": n} for sku, n in wish.lines.items()]},
            headers={"idempotency-key": wish.key},
        )
        self.history.end_checkout(checkout, answer)
        if checkout.reserved and rng.random() < self.samples:
            checkout.row_found = await self._is_in_ledger(checkout.id)
        return checkout

    async def _settle(
        self, wish: "Wish", id_: str, act: str, name: str, rng: random.Random, within: float
    ) -> None:
        await asyncio.sleep(rng.random() * within)
        reference = f"{name}-{id_}" if name else ""
        token = self.settle_key if act == "confirm" else self.shop.token(wish.customer)
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while await self._settle_once(id_, act, reference, token, rng) in RETRIED:
                    await asyncio.sleep(RETRY_SECONDS * rng.random())

    async def _settle_once(
        self, id_: str, act: str, reference: str, token: str, rng: random.Random
    ) -> int:
        gateway = rng.choice(self._gateways)
        settlement = self.history.begin_settlement(
            act=act, id=id_, reference=reference, gateway=gateway
        )
        answer = await self._send(
            gateway,
            "POST",
            f"/v1/reservations/{id_}/{act}",
            token=token,
            body={"payment_reference": reference} if reference else None,
        )
        self.history.end_settlement(settlement, answer)
        return settlement.status

    async def _send(self, gateway: int, method: str, path: str, **how: Any) -> Answer | None:
        """The answer, or None where none came: the connection is not used again then."""
        line = writer = None
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                line, writer = await self._connected(gateway)
                answer = await line.send(method, path, **how)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            if writer:
                writer.close()
            return None
        if answer.headers.get("connection") == "close":
            writer.close()
        else:
            self._idle.setdefault(gateway, []).append((line, writer))
        return answer

    async def _connected(self, gateway: int) -> tuple[Line, asyncio.StreamWriter]:
        pool = self._idle.setdefault(gateway, [])
        while pool:
            line, writer = pool.pop()
            if not writer.is_closing():
                return line, writer
        reader, writer = await asyncio.open_connection(*self.shop.addresses[gateway][:2])
        return Line(reader, writer), writer

    async def _is_in_ledger(self, id_: str) -> bool | None:
        """Whether the row is there; None where the ledger cannot be asked at this moment."""
        try:
            connection = await asyncpg.connect(self.database_url, timeout=2)
        except UNASKED:
            return None
        try:
            found = await connection.fetchval("select 1 from reservation where id = $1", id_)
        except UNASKED:
            return None
        finally:
            connection.terminate()
        return found == 1

    @property
    def _gateways(self) -> range:
        return range(len(self.shop.addresses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An order that somebody wants, with the key that all its attempts carry."""

    customer: str
    key: str
    lines: Mapping[str, int]


def _lines(rng: random.Random) -> dict[str, int]:
    chance = rng.random()
    if chance < 0.70:
        return {"LAMP": rng.randint(1, 2)}
    if chance < 0.88:
        return {"LAMP": 1, "MUG": 1}
    return {"MUG": rng.randint(1, 2)} if chance < 0.97 else {"RING": 1}
