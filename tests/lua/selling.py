"""A sale for tests: opened as a recovery opens one, bought from as the gateway does."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from books import Contents

from lua import keys
from lua.admission import Checkout, Decided, Outcome
from lua.carts import Carts
from lua.entry import Entry, parse_entry
from lua.record import Proof, Record
from lua.replies import Reply, array, mapping, text
from lua.server import Argument, Server
from lua.store import ALL_ORDINARY, Closed, Opened, SaleStore
from lua.terms import BatchTerms

LAMP = "LAMP-1"
MUG = "mug_2.0"
HOUR_MS = 3_600_000
MAX_CART_LINES = 3
FSYNC = Proof(durability="fsync", replicas=0, backlog_limit=1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An item as a sale begins with it."""

    units: int
    limit: int = 0
    price: int = 500


def record_fields(offers: Mapping[str, Offer], **changes: Argument) -> dict[str, Argument]:
    """What the ledger would install; `changes` replace fields."""
    fields: dict[str, Argument] = {
        "state": "open",
        "state_revision": 1,
        "opens_at_ms": 0,
        "closes_at_ms": 0,
        "hold_seconds": 600,
        "reservations_per_customer": 100,
        "currency": "EUR",
        "name": "Frühschoppen, 50 %",
        "wanted_durability": "",
        "durability": "memory",
        "replicas": 0,
        "backlog_limit": 1_000_000,
        "stall_limit_ms": 300_000,
    }
    for sku, offer in offers.items():
        fields |= {
            f"available:{sku}": offer.units,
            f"raised:{sku}": offer.units,
            f"raised_revision:{sku}": 1,
            f"lowered:{sku}": 0,
            f"limit:{sku}": offer.limit,
            f"price:{sku}": offer.price,
        }
    return fields | changes


def reservation(number: int) -> str:
    """A reservation's id: 32 hexadecimal digits."""
    return f"{number:032x}"


def digest(name: str) -> str:
    """A customer or a fingerprint as it travels: 22 characters of base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest())[:22].decode()


def wish(
    number: int,
    lines: str = f"{LAMP}:1:500",
    *,
    customer: str = "ada",
    fingerprint: str | None = None,
) -> str:
    """An encoded checkout; the fingerprint covers sku and quantity, as the gateway's does."""
    bought = ";".join(line.rpartition(":")[0] for line in lines.split(";"))
    return Checkout(
        reservation=reservation(number),
        customer=digest(customer),
        fingerprint=digest(fingerprint or bought),
        lines=lines,
        context='{"cart":"a|b"}',
    ).encode()


class Sale:
    """One sale on a real server."""

    def __init__(self, server: Server, sale_id: str) -> None:
        self.server = server
        self.store = SaleStore(server, sale_id)
        self.carts = Carts(server, kept_seconds=3600, max_lines=MAX_CART_LINES)
        self.epoch = 0
        self.opening = Contents()

    async def open(self, offers: Mapping[str, Offer], **changes: Argument) -> None:
        """Open it under the next epoch, with nothing sold."""
        self.epoch += 1
        assert isinstance(await self.store.fence(self.epoch), Closed)
        opened = await self.store.open(
            self.epoch,
            version=0,
            reservations=0,
            customers=0,
            fields=record_fields(offers, **changes),
        )
        assert opened == Opened()
        await self.begin(self.epoch)

    async def begin(self, epoch: int) -> None:
        """Take what stands under this epoch as the opening that the books are checked from."""
        self.epoch = epoch
        self.opening = await self.contents()

    async def admit(
        self, *wishes: str, witness: int = 0, terms: BatchTerms = ALL_ORDINARY
    ) -> list[Outcome]:
        """What the script decides of each wish."""
        return (await self.decide(*wishes, witness=witness, terms=terms)).outcomes

    async def decide(
        self, *wishes: str, witness: int = 0, terms: BatchTerms = ALL_ORDINARY
    ) -> Decided:
        """The whole decision."""
        decided = await self.store.admit(self.epoch, witness, wishes, terms=terms)
        assert isinstance(decided, Decided), decided
        return decided

    async def record(self) -> Record:
        """The record, which must be there."""
        record = await self.store.read()
        assert record is not None
        return record

    async def available(self, sku: str = LAMP) -> int:
        """The units left."""
        return (await self.record()).items[sku].available

    async def entries(self) -> list[Entry]:
        """All that the stream of the current epoch holds."""
        name = keys.of_epoch(self.store.sale_id, self.epoch).stream
        return [parse_entry(each) for each in await self.command("XRANGE", name, "-", "+")]

    async def contents(self) -> Contents:
        """Record, reservations, customers and history."""
        of = keys.of_epoch(self.store.sale_id, self.epoch)
        return Contents(
            record=await self.hash(keys.record(self.store.sale_id)),
            reservations=await self.hash(of.reservations),
            customers=await self.hash(of.customers),
            entries=await self.entries(),
        )

    async def everything(self) -> dict[str, object]:
        """Every key of the sale with all that it holds, to compare before and after."""
        names = await self.command("KEYS", f"{keys.record(self.store.sale_id)}*")
        return {text(name): await self._value(text(name)) for name in names}

    async def _value(self, name: str) -> object:
        match await self.server.command("TYPE", name):
            case b"hash":
                return await self.hash(name)
            case b"stream":
                return await self.command("XRANGE", name, "-", "+")
            case _:
                return await self.server.command("GET", name)

    async def hash(self, name: str) -> dict[str, str]:
        """A hash by its key."""
        return mapping(await self.server.command("HGETALL", name))

    async def command(self, *words: Argument) -> Sequence[Reply]:
        """A command that answers with an array."""
        return array(await self.server.command(*words))
