"""A shop that a test may hurt: its processes die, stop and come back, and all they say is kept."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import socket
from typing import Any
from uuid import uuid4

from buyer import Answer, calling
from pydantic_core import to_json
from shop import Shop

from doorbuster.addresses import Addresses
from doorbuster.audit_report import audit_sales
from doorbuster.child import launch
from doorbuster.process import Command
from doorbuster.python_child import PythonChild
from doorbuster.sale_acts import adjust, change_state
from doorbuster.sale_report import SaleReport, read_report
from doorbuster.servers import Servers, connected
from gateway.admin.sale_acts import Adjustment, Done
from gateway.definitions.sale import parse_sale
from gateway.identity.api_keys import KeyScope, digest_of, new_key
from gateway.listener import listen
from sql import keys, sales

STOP_SECONDS = 5
# What a process of ours says when it met something that it did not foresee.
FAULT = re.compile(r"ERROR|CRITICAL|Traceback|Task exception was never retrieved|never awaited")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedChild:
    """A child whose output goes into a file."""

    child: PythonChild
    log: Path

    @property
    def name(self) -> str:
        return self.child.name

    async def prepare(self) -> Command:
        return replace(await self.child.prepare(), log=self.log)

    async def ready(self) -> None:
        await self.child.ready()


@dataclass(kw_only=True)
class KeptShop(Shop):
    """`servers` are the shop's own, reached from the test as an operator's command would."""

    servers: Servers
    folder: Path
    children: dict[str, LoggedChild] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    @property
    def address(self) -> tuple[str, int]:
        """That of the first gateway."""
        return self.addresses[0]

    # Processes

    async def start(self, name: str) -> None:
        self.processes[name] = await launch(self.children[name])

    async def stop(self, name: str) -> None:
        """In order, as at the end of a release; also where it was stopped by `frozen`."""
        process = self.processes.pop(name)
        await process.stop(seconds=STOP_SECONDS)
        # Who is told before it listens to signals ends by this one.
        assert await process.wait() in {0, -signal.SIGTERM}, f"{name} did not stop by itself"

    async def kill(self, name: str) -> None:
        """As a crash would."""
        process = self.processes.pop(name)
        process.kill()
        await process.wait()

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """It lives and does nothing for the length of the block."""
        pid = self.processes[name].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def said(self) -> list[str]:
        """Every line that the processes have logged so far."""
        files = sorted(self.folder.glob("*.log"))
        return [line for file in files for line in file.read_text().splitlines()]

    def faults(self) -> list[str]:
        """The lines that tell of a fault of ours."""
        return [line for line in self.said() if FAULT.search(line)]

    # What the shop sells

    async def stock_up(self, count: int) -> None:
        """Open so many sales of 100 LAMP-1: together they take no longer than one."""
        self.opened += await asyncio.gather(*(self.sell(100) for _ in range(count)))

    async def sell(self, units: int | dict[str, int] | None = None, **fields: Any) -> str:
        """Open a sale of 100 LAMP-1, or of so many, or of the skus; returns its id."""
        if units is None and not fields and self.opened:
            return self.opened.pop()
        sale_id = await self.draft(units, **fields)
        await self.act(sale_id, "open")
        return sale_id

    async def draft(self, units: int | dict[str, int] | None = None, **fields: Any) -> str:
        """Create a sale that is not open yet; `limit` is that of every item."""
        limit = fields.pop("limit", 0)
        granted = units if isinstance(units, dict) else {"LAMP-1": 100 if units is None else units}
        items = [
            {"sku": sku, "price": 1999, "units": count, "limit_per_customer": limit}
            for sku, count in granted.items()
        ]
        sale_id = f"sale-{uuid4().hex[:12]}"
        definition = parse_sale(to_json({"id": sale_id, "items": items, **fields}))
        assert await sales.create(self.servers.database, definition)
        return sale_id

    async def act(self, sale_id: str, act: str) -> None:
        """Open, pause, resume or close it, and wait until buyers feel it."""
        assert await change_state(self.servers, sale_id, act) is not Done.SAVED

    async def grant(self, sale_id: str, units: int) -> None:
        """Add units of LAMP-1, or take them out."""
        adjustment = Adjustment(
            sale_id=sale_id,
            sku="LAMP-1",
            delta=units,
            reason=uuid4().hex,
            actor="cli:test",
            request=None,
        )
        assert await adjust(self.servers, adjustment) is Done.CHANGED

    async def report(self, sale_id: str) -> SaleReport:
        """What `sale show` tells."""
        return await read_report(self.servers, sale_id)

    async def key(self, scope: KeyScope = "settle") -> str:
        """A new API key."""
        key = new_key()
        await keys.create_key(
            self.servers.database,
            digest=digest_of(key.encode()),
            name=uuid4().hex,
            scope=keys.Scope(scope),
        )
        return key

    # What its customers do

    async def send(self, method: str, path: str, **how: Any) -> Answer:
        """One request on a connection of its own."""
        async with calling(self.address) as line:
            return await line.send(method, path, **how)

    async def buy(
        self, sale_id: str, customer: str, units: int | dict[str, int] = 1, key: str | None = None
    ) -> Answer:
        """Check out units of LAMP-1, or of each sku."""
        lines = units if isinstance(units, dict) else {"LAMP-1": units}
        async with calling(self.address) as line:
            return await line.checkout(sale_id, self.token(customer), lines, key)

    async def stock(self, sale_id: str) -> dict[str, int]:
        """What the stock endpoint says to somebody who has seen more than it can have heard of."""
        answer = await self.send("GET", f"/v1/sales/{sale_id}/stock?last_event_id=999999999-0")
        assert answer.status == 200, answer
        return {item["sku"]: item["available"] for item in answer.body["items"]}

    async def audited(self, sale_id: str) -> None:
        """Assert that every invariant holds."""
        (audit,) = await audit_sales(self.servers, sale_id)
        assert audit.clean, audit


@asynccontextmanager
async def keeping_shop(
    settings: dict[str, str],
    folder: Path,
    *,
    gateways: int = 1,
    reconcilers: int = 1,
    started: bool = True,
    own: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[KeptShop]:
    """Start the processes, unless the test does it; those that live are stopped at the end.

    `own` are settings of single processes, by their names.
    """
    addresses = Addresses(
        redis_url=settings["DOORBUSTER_REDIS_URL"],
        database_url=settings["DOORBUSTER_DATABASE_URL"],
    )
    async with AsyncExitStack() as stack:
        sockets = [stack.enter_context(listen("127.0.0.1", 0)) for _ in range(gateways)]
        shop = KeptShop(
            addresses=[each.getsockname() for each in sockets],
            settings=settings,
            servers=await stack.enter_async_context(connected(addresses)),
            folder=folder,
        )
        stack.push_async_callback(_stop_all, shop)
        for child in [
            *(_gateway(number, settings, each) for number, each in enumerate(sockets, 1)),
            *(_reconciler(number, settings) for number in range(1, reconcilers + 1)),
        ]:
            mine = {**settings, **(own or {}).get(child.name, {})}
            _add(shop, replace(child, settings=mine))
        if started:
            await asyncio.gather(*(shop.start(name) for name in shop.children))
        yield shop


def _gateway(number: int, settings: dict[str, str], listening: socket) -> PythonChild:
    descriptor = listening.fileno()
    return PythonChild(
        name=f"gateway-{number}",
        arguments=["gateway", "--fd", str(descriptor)],
        settings=settings,
        descriptors=(descriptor,),
        address=listening.getsockname(),
    )


def _reconciler(number: int, settings: dict[str, str]) -> PythonChild:
    return PythonChild(name=f"reconciler-{number}", arguments=["reconciler"], settings=settings)


def _add(shop: KeptShop, child: PythonChild) -> None:
    log = shop.folder / f"{child.name}.log"
    shop.children[child.name] = LoggedChild(child=child, log=log)


async def _stop_all(shop: KeptShop) -> None:
    await asyncio.gather(*(shop.stop(name) for name in list(shop.processes)))


async def until_true(condition: Callable[[], Awaitable[bool]], *, seconds: float = 10.0) -> None:
    """Return once the condition, which has to be asked for, holds."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        await asyncio.sleep(0.02)


# What every answer has to look like


def is_problem(answer: Answer, status: int, code: str) -> bool:
    """Assert that it is this refusal, in the documented form; True, to be used in an `assert`."""
    assert (answer.status, answer.body.get("code")) == (status, code), answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body["type"] == f"urn:doorbuster:problem:{code}"
    assert answer.body["status"] == status
    assert answer.body["title"]
    assert ("retry-after" in answer.headers) == (status in {429, 503} or code == "sale-not-open")
    return True
