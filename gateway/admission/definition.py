"""What a gateway has to know of a sale to encode a checkout: read from Redis, kept per epoch."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from gateway.admission.durability import Level
from lua.faults import RedisFault
from lua.record import Proof, Record
from lua.store import SaleStore

# A sku that is not in the definition makes us look again, but not at every request.
LOOK_AGAIN_SECONDS: Final = 1.0
# What the server keeps, and so the level that can be promised, may change within an epoch. This is
# how late a gateway may be to learn of it; reading costs as much as one checkout.
PROOF_SECONDS: Final = 5.0
# It is read again a little before, beside the checkouts, so that none has to wait for it.
AHEAD_SECONDS: Final = 1.0
REFRESH_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Prices in minor units by sku, and what every answer about a reservation needs."""

    epoch: int
    currency: str
    wanted_level: Level
    proof: Proof
    hold_seconds: int
    opens_at_ms: int
    prices: dict[str, int]

    @classmethod
    def of(cls, record: Record) -> "Definition":
        """The part of a record that does not change with every checkout."""
        return cls(
            epoch=record.epoch,
            currency=record.currency,
            wanted_level=Level.of(record.wanted_durability),
            proof=record.proof,
            hold_seconds=record.hold_seconds,
            opens_at_ms=record.opens_at_ms,
            prices={sku: item.price for sku, item in record.items.items()},
        )


class DefinitionReader:
    """Reads one sale's definition; callers that come while one is being read share it."""

    def __init__(self, store: SaleStore) -> None:
        self._store = store
        self._reading = asyncio.Lock()
        self._definition: Definition | None = None
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._fault: RedisFault | None = None

    @property
    def known(self) -> Definition | None:
        """The definition that was read last."""
        return self._definition

    @property
    def is_old(self) -> bool:
        """Whether what the server keeps may have changed since it was read."""
        return self._read_at < time.monotonic() - PROOF_SECONDS

    @property
    def is_soon_old(self) -> bool:
        """Whether it is time to read it again, so that it does not get old."""
        return self._read_at < time.monotonic() - PROOF_SECONDS + AHEAD_SECONDS

    async def read(self, *, unless_younger_seconds: float = 0.0) -> Definition | None:
        """Read it, unless it was read so recently. None where Redis has none.

        Raises a `lua.faults.RedisFault`.
        """
        asked_at = time.monotonic()
        async with self._reading:
            if self._tried_at > asked_at and self._fault is not None:
                # Who stands in line behind a Redis that hangs must not wait for each one in front.
                raise type(self._fault)(str(self._fault))
            if self._read_at < asked_at - unless_younger_seconds:
                await self._read()
        return self._definition

    async def _read(self) -> None:
        self._tried_at = time.monotonic()
        try:
            record = await self._store.read()
        except RedisFault as fault:
            self._fault = fault
            raise
        self._fault = None
        self._read_at = time.monotonic()
        if record is not None:
            self._definition = Definition.of(record)
