"""One sale with both its stores, the buyers who come to it, and what they were told."""

import asyncio
import base64
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from uuid import UUID

from drafts import LAMP, MUG, PRICE, draft, open_sale

from lua import keys
from lua.admission import MAX_CHECKOUTS, Admitted, Checkout, Decided, Replayed
from lua.faults import RedisFault
from lua.record import Record
from lua.replies import mapping
from lua.reservation import StoredReservation
from lua.server import Server
from lua.store import OtherEpoch, SaleStore
from reconciler.audit import audit
from reconciler.keeper import Keeper
from reconciler.metrics import Metrics
from reconciler.self_audit import Rhythm
from sql import sales
from sql.database import Database
from sql.ledger import Checkpoint, read_checkpoint
from sql.lines import units_by_sku

LINE = f"{LAMP}:1:{PRICE}"
ACTIVE = {"held", "paid"}
_numbers = count(1)


class Till:
    """`told` are the reservations that buyers were told of, each with its epoch and version."""

    def __init__(self, database: Database, server: Server, sale_id: str) -> None:
        self.database = database
        self.server = server
        self.sale_id = sale_id
        self.store = SaleStore(server, sale_id)
        self.epoch = 0
        self.witness = 0
        self.told: dict[UUID, tuple[int, int]] = {}

    async def open(
        self, units: Mapping[str, int] | None = None, *, hold_seconds: int = 600
    ) -> None:
        """Open the sale in the ledger; the first keeper brings it to Redis."""
        offers = units or {LAMP: 10_000, MUG: 10_000}
        await open_sale(self.database, draft(self.sale_id, offers, hold_seconds=hold_seconds))

    async def keeper(self, *, audit_seconds: float = 0) -> Keeper:
        """A keeper of this sale, not started; it does not audit, unless it is asked to."""
        sale = await sales.read(self.database, self.sale_id)
        return Keeper(self.database, self.server, sale, Metrics(), Rhythm(audit_seconds))

    @asynccontextmanager
    async def kept(self, keepers: int = 1, *, audit_seconds: float = 0) -> AsyncIterator[None]:
        """Keep the sale for the length of a block, and begin it once the sale is open."""
        async with AsyncExitStack() as stack:
            for _ in range(keepers):
                keeper = await self.keeper(audit_seconds=audit_seconds)
                await stack.enter_async_context(cancelled_after(keeper.run()))
            await self.until_open()
            yield

    # Buying

    async def buy(
        self, number: int, *, line: str = LINE, customer: str | None = None
    ) -> list[UUID]:
        """So many checkouts, all of which must be admitted; repeated until that is known."""
        bought: list[UUID] = []
        while number > len(bought):
            count = min(number - len(bought), MAX_CHECKOUTS)
            bought += await self.decide([new_checkout(line, customer) for _ in range(count)])
        return bought

    async def decide(self, checkouts: list[Checkout]) -> list[UUID]:
        """The ids of these checkouts, which are all admitted, now or by an earlier attempt."""
        reply = await self._reply([each.encode() for each in checkouts])
        ids = [UUID(hex=each.reservation) for each in checkouts]
        for each, outcome in zip(ids, reply.outcomes, strict=True):
            match outcome:
                case Admitted(version=version):
                    self.told[each] = (reply.epoch, version)
                case Replayed(stored=stored):
                    self.told[each] = (reply.epoch, stored.version)
                case _:
                    raise AssertionError(outcome)
        return ids

    async def _reply(self, records: list[str]) -> Decided:
        async with asyncio.timeout(20):
            while True:
                try:
                    reply = await self.store.admit(self.epoch, self.witness, records)
                except RedisFault:
                    reply = None
                match reply:
                    case Decided():
                        self.witness = max(self.witness, reply.version)
                        return reply
                    case OtherEpoch(epoch=epoch) if epoch > self.epoch:
                        self.epoch, self.witness = epoch, 0
                    case _:
                        await asyncio.sleep(0.01)

    # Looking

    async def record(self) -> Record:
        """The record, which must be there."""
        record = await self.store.read()
        assert record is not None
        return record

    async def checkpoint(self) -> Checkpoint:
        return await read_checkpoint(self.database, self.sale_id)

    async def count(self, table: str, condition: str = "true") -> int:
        """How many rows of a table are of this sale."""
        statement = f"select count(*) from {table} where sale_id = $1 and {condition}"  # noqa: S608
        row = await self.database.row(statement, self.sale_id)
        assert row is not None
        return int(row[0])

    async def available(self, sku: str = LAMP) -> int:
        return (await self.record()).items[sku].available

    async def alarms(self) -> list[str]:
        rows = await self.database.rows(
            "select what from alarm where sale_id = $1 order by id", self.sale_id
        )
        return [row["what"] for row in rows]

    async def outcomes(self) -> list[str]:
        """How each recovery ended, the first opening too."""
        rows = await self.database.rows(
            "select outcome from recovery where sale_id = $1 order by id", self.sale_id
        )
        return [row["outcome"] for row in rows]

    async def is_open(self) -> bool:
        try:
            record = await self.store.read()
        except (RedisFault, KeyError):  # A record may be damaged.
            return False
        return record is not None and record.proven

    async def until_open(self, seconds: float = 10) -> None:
        await eventually(self.is_open, seconds=seconds)

    async def is_settled(self) -> bool:
        """Whether Redis and the ledger have nothing left to tell each other."""
        if not await self.is_open():
            return False
        record, checkpoint = await self.record(), await self.checkpoint()
        if (record.epoch, record.version) != (checkpoint.epoch, checkpoint.version):
            return False
        return await self.count("outbox", "not done") == 0

    async def until_settled(self, seconds: float = 10) -> None:
        await eventually(self.is_settled, seconds=seconds)

    # The books

    async def check_books(self, *, lost: int = 0) -> None:
        """Check all that must hold once nothing moves; `lost` of those told may be missing."""
        await self.until_settled()
        rows = await self.database.rows(
            "select * from reservation where sale_id = $1", self.sale_id
        )
        states = {row["id"]: row["state"] for row in rows}
        assert len({(row["epoch"], row["version"]) for row in rows}) == len(rows)
        assert len(self.told.keys() - states.keys()) == lost
        active = [row["lines"] for row in rows if row["state"] in ACTIVE]
        await self._check_stock(units_by_sku(active))
        kept = await self._reservations()
        assert {id_: "held" if s in ACTIVE else s for id_, s in states.items()} == {
            id_: stored.state for id_, stored in kept.items()
        }
        found = await audit(self.database, self.store)
        assert found.clean, found

    async def _check_stock(self, units: Counter[str]) -> None:
        record = await self.record()
        for item in await sales.read_items(self.database, self.sale_id):
            assert 0 <= item.taken == units[item.sku] <= item.granted
            available = record.items[item.sku].available
            assert available == item.mirror == item.granted - item.taken, item.sku
            assert record.items[item.sku].granted == item.granted

    async def _reservations(self) -> dict[UUID, StoredReservation]:
        name = keys.of_epoch(self.sale_id, (await self.record()).epoch).reservations
        fields = mapping(await self.server.command("HGETALL", name))
        return {UUID(hex=id_): StoredReservation.parse(text) for id_, text in fields.items()}


def new_checkout(line: str = LINE, customer: str | None = None) -> Checkout:
    """A checkout that nobody has made before."""
    number = next(_numbers)
    return Checkout(
        reservation=UUID(int=number << 32).hex,
        customer=short_digest(customer or f"customer-{number}"),
        fingerprint=short_digest(line),
        lines=line,
        context=json.dumps({"durability": "fsync"}),
    )


def short_digest(name: str) -> str:
    """A text as a customer or a fingerprint travels."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest())[:22].decode()


async def eventually(condition: Callable[[], Awaitable[bool]], *, seconds: float = 10) -> None:
    """Return once the condition holds; fail when the seconds have passed."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def cancelled_after(work: Awaitable[None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run something beside a block, and cancel it at the end; it must not end by itself."""
    task = asyncio.ensure_future(work)
    try:
        yield task
        assert not task.done() or task.cancelled(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
