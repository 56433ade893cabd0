"""Fills a sale with reservations, past the gateway: faster than any load could."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from bench.case import Unmeasurable
from lua.admission import MAX_CHECKOUTS, Checkout, Decided
from lua.server import Server
from lua.store import SaleStore
from sql.database import Database
from sql.ledger import read_checkpoint

PRICE: Final = 1999
# What the gateway writes there for a customer without a trace.
CONTEXT: Final = '{"issuer":"doorbuster","subject":"buyer-00000000","durability":"fsync"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """A sale in both stores, seen from here."""

    store: SaleStore
    database: Database

    async def version(self) -> int:
        """How far Redis is."""
        record = await self.store.read()
        if record is None:
            raise Unmeasurable("the sale's record is gone")
        return record.version

    async def committed(self) -> int:
        """How far the ledger is."""
        return (await read_checkpoint(self.database, self.store.sale_id)).version

    async def fill(self, count: int, *, skus: Sequence[str] = ("LAMP-1",)) -> None:
        """Admit so many checkouts of one unit, each of another customer."""
        record = await self.store.read()
        if record is None:
            raise Unmeasurable("the sale's record is gone")
        for first in range(0, count, MAX_CHECKOUTS):
            numbers = range(first, min(first + MAX_CHECKOUTS, count))
            encoded = [_checkout(number, skus[number % len(skus)]) for number in numbers]
            reply = await self.store.admit(record.epoch, 0, encoded)
            if not isinstance(reply, Decided):
                raise Unmeasurable(f"the sale could not be filled: {reply}")


@asynccontextmanager
async def books(redis_url: str, database_url: str, sale_id: str) -> AsyncIterator[Books]:
    """Connect to both, for the length of a block."""
    async with Server(redis_url) as server, Database(database_url) as database:
        yield Books(store=SaleStore(server, sale_id), database=database)


def _checkout(number: int, sku: str) -> str:
    return Checkout(
        reservation=uuid4().hex,
        customer=f"{number:022}",
        fingerprint="f" * 22,
        lines=f"{sku}:1:{PRICE}",
        context=CONTEXT,
    ).encode()
