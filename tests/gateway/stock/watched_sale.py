"""A sale that tests watch: opened, bought from and changed by the real scripts."""

import asyncio
from collections.abc import Mapping

from lua import keys
from lua.admission import Admitted, Checkout, Decided
from lua.record import Record
from lua.server import Argument, Server
from lua.store import Applied, Closed, Opened, SaleStore

LAMP = "LAMP-1"
MUG = "MUG_2"
CUSTOMER = "c" * 22
PLENTY = 1_000_000
SOON_MS = 300
HOUR_MS = 3_600_000


class WatchedSale:
    """Counts its own ids and revisions."""

    def __init__(self, server: Server, sale_id: str) -> None:
        self.server = server
        self.sale_id = sale_id
        self.store = SaleStore(server, sale_id)
        self.epoch = 0
        self._bought = 0
        self._revision = 1

    async def open(
        self, units: Mapping[str, int], *, version: int = 0, **changes: Argument
    ) -> None:
        """Open it under the next epoch."""
        self.epoch += 1
        assert isinstance(await self.store.fence(self.epoch), Closed)
        opened = await self.store.open(
            self.epoch, version=version, reservations=0, customers=0, fields=_fields(units, changes)
        )
        assert opened == Opened()

    async def buy(self, sku: str = LAMP, units: int = 1) -> int:
        """The version under which one customer got the units."""
        self._bought += 1
        checkout = Checkout(
            reservation=f"{self.epoch:016x}{self._bought:016x}",
            customer=CUSTOMER,
            fingerprint="f" * 22,
            lines=f"{sku}:{units}:500",
            context="{}",
        )
        decided = await self.store.admit(self.epoch, 0, [checkout.encode()])
        assert isinstance(decided, Decided), decided
        assert isinstance(decided.outcomes[0], Admitted), decided
        return decided.version

    async def give_back(self, number: int) -> None:
        """Return what the numbered purchase took."""
        await self.store.return_units(self.epoch, [f"{self.epoch:016x}{number:016x}x"])

    async def change_state(
        self, state: str, *, opens_at_ms: int = 0, closes_at_ms: int = 0
    ) -> None:
        """Pause it, resume it, close it."""
        self._revision += 1
        applied = await self.store.change_state(
            self.epoch,
            state=state,
            opens_at_ms=opens_at_ms,
            closes_at_ms=closes_at_ms,
            revision=self._revision,
        )
        assert isinstance(applied, Applied), applied

    async def record(self) -> Record:
        """The record, which must be there."""
        record = await self.store.read()
        assert record is not None
        return record

    async def now_ms(self) -> int:
        """The time on the Redis clock."""
        return (await self.record()).now_ms

    async def until(self, at_ms: int) -> None:
        """Return once the Redis clock is past this time."""
        while (late_ms := at_ms - await self.now_ms()) >= 0:
            await asyncio.sleep(late_ms / 1000 + 0.001)

    async def set_silently(self, **fields: Argument) -> None:
        """Change the record so that nobody hears of it, as if an announcement had been lost."""
        flat = [word for pair in fields.items() for word in pair]
        await self.server.command("HSET", keys.record(self.sale_id), *flat)

    async def announce(self, text: str) -> None:
        """Publish something on the sale's channel."""
        await self.server.command("PUBLISH", keys.record(self.sale_id), text)

    async def subscribers(self) -> int:
        """How many connections are subscribed to the sale."""
        reply = await self.server.command("PUBSUB", "NUMSUB", keys.record(self.sale_id))
        assert isinstance(reply, list)
        return int(reply[1])


async def cut_subscriptions(server: Server) -> None:
    """Close every connection that is subscribed to anything."""
    await server.command("CLIENT", "KILL", "TYPE", "pubsub")


def _fields(units: Mapping[str, int], changes: Mapping[str, Argument]) -> dict[str, Argument]:
    fields: dict[str, Argument] = {
        "state": "open",
        "state_revision": 1,
        "opens_at_ms": 0,
        "closes_at_ms": 0,
        "hold_seconds": 600,
        "reservations_per_customer": PLENTY,
        "currency": "EUR",
        "name": "Friday rush",
        "wanted_durability": "",
        "durability": "memory",
        "replicas": 0,
        "backlog_limit": 1_000_000,
        "stall_limit_ms": 300_000,
    }
    for sku, available in units.items():
        fields |= {
            f"available:{sku}": available,
            f"raised:{sku}": available,
            f"raised_revision:{sku}": 1,
            f"lowered:{sku}": 0,
            f"limit:{sku}": 0,
            f"price:{sku}": 500,
        }
    return fields | changes
