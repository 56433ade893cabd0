"""Customers who come at a steady rate, whatever becomes of them, and others who only watch."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from acceptance.kept_shop import KeptShop
from buyer import Answer, Line, calling

LINES = 32
# They come again and again: a gateway remembers whom it has seen, up to a bound. Each may have a
# hundred reservations in the sale.
CUSTOMERS = 5_000
SETTLE_SECONDS = 2.0  # within which whoever pays or gives up does so
RETRY_SECONDS = 0.2
READ_BYTES = 65536
# A second, on one connection that is never closed, as proxies keep them.
CLICKS_PER_SECOND = 300


@dataclass(kw_only=True)
class Crowd:
    """Buys at one gateway; `told` counts the answers to checkouts."""

    shop: KeptShop
    sale_id: str
    settle_key: str
    told: Counter[int] = field(default_factory=Counter)
    _idle: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    async def connect(self) -> None:
        """Open the connections that all customers share."""
        for _ in range(LINES):
            reader, writer = await asyncio.open_connection(*self.shop.address)
            self._writers.append(writer)
            self._idle.put_nowait(Line(reader, writer))

    def leave(self) -> None:
        """Close them."""
        for writer in self._writers:
            writer.close()

    async def capacity(self, seconds: float) -> float:
        """How many orders a second there are while all buy and settle as fast as they can."""
        began, before = time.monotonic(), self.told[201]
        until = began + seconds

        async def buy_on() -> None:
            while time.monotonic() < until:
                await self._visit(pause_seconds=0.0)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(LINES):
                tasks.create_task(buy_on())
        return (self.told[201] - before) / (time.monotonic() - began)

    async def come(self, rate: float, until: float) -> None:
        """Send so many customers a second, evenly, until then."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            while due < until:
                await asyncio.sleep(max(due - time.monotonic(), 0))
                tasks.create_task(self._visit(pause_seconds=SETTLE_SECONDS))
                due += 1 / rate

    async def _visit(self, *, pause_seconds: float) -> None:
        """Buy; of ten, four pay, three give it back, and three let the hold lapse."""
        self._count += 1
        chance, customer = random.random(), f"customer-{self._count % CUSTOMERS}"
        token = self._tokens.setdefault(customer, self.shop.token(customer))
        answer = await self._send(
            f"/v1/sales/{self.sale_id}/checkout",
            token=token,
            body={"lines": [{"sku": "LAMP-1", "quantity": 1}]},
        )
        self.told[answer.status] += 1
        if answer.status != 201:
            return
        await asyncio.sleep(random.random() * pause_seconds)
        path = f"/v1/reservations/{answer.body['id']}"
        if chance < 0.4:
            body = {"payment_reference": answer.body["id"]}
            await self._insist(f"{path}/confirm", token=self.settle_key, body=body)
        elif chance < 0.7:
            await self._insist(f"{path}/release", token=token)

    async def _insist(self, path: str, **how: object) -> None:
        """Right after the checkout the ledger may not have it yet."""
        while (await self._send(path, **how)).status == 503:
            await asyncio.sleep(RETRY_SECONDS)

    async def _send(self, path: str, **how: object) -> Answer:
        line = await self._idle.get()
        answer = await line.send("POST", path, **how)
        self._idle.put_nowait(line)
        return answer


async def click(shop: KeptShop, sale_id: str, told: Counter[int]) -> None:
    """Send the same checkout again and again, for ever, and nothing else on this connection."""
    token = shop.token("impatient")
    async with calling(shop.address) as line:
        while True:
            answer = await line.checkout(sale_id, token, {"LAMP-1": 1}, key="a-click")
            told[answer.status] += 1
            await asyncio.sleep(1 / CLICKS_PER_SECOND)


async def watch(shop: KeptShop, sale_id: str, received: Counter[str]) -> None:
    """Read a stock stream for ever, without a look at what it says."""
    reader, writer = await asyncio.open_connection(*shop.address)
    try:
        path = f"/v1/sales/{sale_id}/events"
        writer.write(f"GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n".encode())
        while data := await reader.read(READ_BYTES):
            received["bytes"] += len(data)
        received["ended"] += 1
    finally:
        writer.close()
