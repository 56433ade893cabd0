"""What an operator does to a sale, carried through to where buyers feel it.

The ledger keeps the act, the reconciler installs it in Redis; lowering stock goes the other way,
because only Redis knows which units are still there to be taken.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from gateway.digest import digest
from lua.faults import OutcomeUnknown, RedisFault
from lua.server import Server
from lua.store import Applied, Lowered, SaleStore, TooFew, UnknownItem
from sql import sales
from sql.database import Database
from sql.faults import LedgerFault
from sql.outbox import is_waiting
from sql.sales import SaleState

LOOK_SECONDS: Final = 0.05
# Of a SHA-256, 128 bits: as for reservations.
ID_BYTES: Final = 16

Seen = TypeVar("Seen")


class Done(StrEnum):
    """What came of an act."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SAVED = "saved, but no reconciler has carried it through yet: is one running?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Units to be granted to an item, or taken out of it (a negative delta).

    `request` is the operator's own name for it; without one, all that is said here is. Whoever
    means the same again gives another name, or another reason.
    """

    sale_id: str
    sku: str
    delta: int
    reason: str
    actor: str
    request: str | None

    @property
    def id(self) -> str:
        """What makes it happen once."""
        return self._id("grant" if self.delta > 0 else "lower")

    @property
    def opposite_id(self) -> str:
        """What an adjustment in the other direction would have, under the same request.

        A grant begins in the ledger and a lowering in Redis. Were they to meet in one id, the
        ledger could not take the second one in.
        """
        return self._id("lower" if self.delta > 0 else "grant")

    @property
    def context(self) -> dict[str, str]:
        """Who and why."""
        return {"actor": self.actor, "reason": self.reason}

    def is_as(self, made: "Made") -> bool:
        """Whether this is what was made, as far as that is known."""
        is_reason = made.reason in (None, self.reason)
        return is_reason and (self.sku, self.delta) == (made.sku, made.delta)

    def _id(self, way: str) -> str:
        said = [self.request] if self.request else ["", self.sku, str(self.delta), self.reason]
        return digest(self.sale_id, way, *said)[:ID_BYTES].hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made under a request; the reason is the ledger's to know, once it has read of it."""

    sku: str
    delta: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unverified:
    """The sale's stock in Redis is not proven now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """The request was another one's before."""

    made: Made


@dataclass(frozen=True, slots=True)
class Unknown:
    """Redis was asked and did not answer; the same request again finds out."""


Adjusted: TypeAlias = Done | TooFew | Unverified | Reused | Unknown


class SaleActs:
    """Every method may raise NoSuchSale, NotAllowed and the faults of both stores."""

    def __init__(self, database: Database, redis: Server, *, wait_seconds: float) -> None:
        self._database = database
        self._redis = redis
        self._wait_seconds = wait_seconds

    async def change_state(self, sale_id: str, act: str, *, actor: str) -> Done:
        """Open, pause, resume or close a sale."""
        changed = await sales.change_state(self._database, sale_id, act, actor=actor)
        return await self.carried_through(sale_id, changed=changed)

    async def adjust(self, adjustment: Adjustment) -> Adjusted:
        """Grant or lower. Raises NoSuchItem as well."""
        sale = await sales.read(self._database, adjustment.sale_id)
        if made := await self._made(adjustment):
            return await self._repeated(adjustment, made)
        if adjustment.delta > 0:
            return await self._grant(adjustment)
        if sale.state == SaleState.DRAFT:
            return await self._lower_draft(adjustment)
        return await self._lower(adjustment)

    async def carried_through(self, sale_id: str, *, changed: bool) -> Done:
        """Wait a little for the reconciler. A draft has nothing to be installed."""

        async def is_installed() -> bool:
            return await self._is_installed(sale_id)

        if not await self._until(is_installed):
            return Done.SAVED
        return Done.CHANGED if changed else Done.UNCHANGED

    async def _made(self, adjustment: Adjustment) -> Made | None:
        for name in (adjustment.id, adjustment.opposite_id):
            if made := await self._recorded(name):
                return made
        # A lowering is not asked for here: the script tells what was made under its request.
        return await self._unrecorded(adjustment) if adjustment.delta > 0 else None

    async def _recorded(self, name: str) -> Made | None:
        made = await sales.find_adjustment(self._database, name)
        return Made(sku=made.sku, delta=made.delta, reason=made.reason) if made else None

    async def _unrecorded(self, grant: Adjustment) -> Made | None:
        """The lowering under the same request that only Redis knows of yet.

        A grant needs no Redis, so where that is silent nobody can say, and the ledger decides.
        """
        try:
            made = await SaleStore(self._redis, grant.sale_id).lowered(grant.opposite_id)
        except RedisFault:
            return None
        return Made(sku=made.sku, delta=-made.units) if made else None

    async def _repeated(self, adjustment: Adjustment, made: Made) -> Done | Reused:
        if not adjustment.is_as(made):
            return Reused(made=made)
        if adjustment.delta < 0:
            return Done.UNCHANGED
        return await self.carried_through(adjustment.sale_id, changed=False)

    async def _grant(self, adjustment: Adjustment) -> Adjusted:
        changed = await sales.grant(
            self._database,
            adjustment.sale_id,
            sku=adjustment.sku,
            units=adjustment.delta,
            request=adjustment.id,
            context=adjustment.context,
        )
        if not changed:  # somebody was faster, and what they made is on record now
            return await self.adjust(adjustment)
        return await self.carried_through(adjustment.sale_id, changed=True)

    async def _lower_draft(self, adjustment: Adjustment) -> Adjusted:
        try:
            changed = await sales.lower_draft(
                self._database,
                adjustment.sale_id,
                sku=adjustment.sku,
                units=-adjustment.delta,
                request=adjustment.id,
                context=adjustment.context,
            )
        except sales.TooFewUnits as error:
            return TooFew(available=error.available)
        return Done.CHANGED if changed else await self.adjust(adjustment)

    async def _lower(self, adjustment: Adjustment) -> Adjusted:
        store = SaleStore(self._redis, adjustment.sale_id)
        record = await store.read()
        if record is None or not record.proven:
            return Unverified()
        try:
            reply = await store.lower(
                record.epoch,
                request=adjustment.id,
                sku=adjustment.sku,
                units=-adjustment.delta,
                context=json.dumps(adjustment.context),
            )
        except OutcomeUnknown:
            return Unknown()
        match reply:
            case Applied():
                return Done.CHANGED if await self._soon_recorded(adjustment) else Done.SAVED
            case Lowered(sku=sku, units=units):
                return await self._lowered_before(adjustment, Made(sku=sku, delta=-units))
            case TooFew():
                return reply
            case UnknownItem():
                raise sales.NoSuchItem(adjustment.sku)
        return Unverified()

    async def _lowered_before(self, adjustment: Adjustment, made: Made) -> Done | Reused:
        if not adjustment.is_as(made):
            return Reused(made=made)
        recorded = await self._soon_recorded(adjustment)
        return await self._repeated(adjustment, recorded) if recorded else Done.SAVED

    async def _soon_recorded(self, adjustment: Adjustment) -> Made | None:
        """It is done; wait a little until the ledger has read that it is."""

        async def look() -> Made | None:
            return await self._recorded(adjustment.id)

        return await self._until(look)

    async def _is_installed(self, sale_id: str) -> bool:
        sale = await sales.read(self._database, sale_id)
        if sale.state == SaleState.DRAFT:
            return True
        is_told = sale.opened > 0 and not await is_waiting(self._database, sale_id)
        return is_told and await self._is_proven(sale_id)

    async def _is_proven(self, sale_id: str) -> bool:
        """A recovery may finish in the ledger before Redis is opened; buyers wait for both."""
        try:
            record = await SaleStore(self._redis, sale_id).read()
        except RedisFault:
            return False
        return record is not None and record.proven

    async def _until(self, look: Callable[[], Awaitable[Seen]]) -> Seen | None:
        """What there is to be seen at last; None where that takes too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait_seconds):
                while not (seen := await _seen(look)):
                    await asyncio.sleep(LOOK_SECONDS)
                return seen
        return None


async def _seen(look: Callable[[], Awaitable[Seen]]) -> Seen | None:
    """What is done stays done where the ledger goes away: nobody can see it yet, that is all."""
    try:
        return await look()
    except LedgerFault:
        return None
