"""Finds a reservation by its id, in the ledger or, before the ledger has it, in Redis."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from gateway.admission.reservation_id import tag_of
from gateway.catalogue import Catalogue
from gateway.problems import LEDGER_BEHIND, STOCK_UNVERIFIED, UNKNOWN_RESERVATION, Problem, Refusal
from gateway.representation import Reservation
from lua.faults import RedisFault
from lua.lines import decode
from lua.record import Record
from lua.reservation import StoredReservation
from lua.server import Server
from lua.store import SaleStore
from sql.database import Database
from sql.faults import LedgerFault
from sql.reservations import LedgerReservation, find

# An order that Redis has and the ledger not yet: the reconciler is some milliseconds behind.
WAIT_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A reservation and whose it is; `version` against `committed` tells if the ledger has it.

    It is certain, unless the ledger may have settled it since, and is away.
    """

    reservation: Reservation
    customer: str
    committed: bool
    is_certain: bool = True


Finding: TypeAlias = Found | Problem


class Finder:
    """Reads; it never changes anything."""

    def __init__(self, database: Database, server: Server, catalogue: Catalogue) -> None:
        self._database = database
        self._server = server
        self._catalogue = catalogue

    async def find(self, reservation: UUID) -> Finding:
        """The reservation; unknown only where the ledger and a proven Redis both deny it."""
        found = await self.glimpse(reservation)
        return LEDGER_BEHIND if isinstance(found, Found) and not found.is_certain else found

    async def glimpse(self, reservation: UUID) -> Finding:
        """The same; but while the ledger is away, what Redis knows will do, though uncertain."""
        try:
            return await self.in_ledger(reservation) or await self._in_redis(reservation)
        except LedgerFault:
            found = await self._in_redis(reservation)
        # Whatever Redis does not have, the ledger may.
        if not isinstance(found, Found):
            return LEDGER_BEHIND
        return replace(found, is_certain=not found.committed)

    async def in_ledger(self, reservation: UUID) -> Found | None:
        """The reservation as the ledger has it. Raises a LedgerFault."""
        return (await all_in_ledger(self._database, [reservation])).get(reservation)

    async def when_in_ledger(self, reservation: UUID) -> Found:
        """The reservation, once the ledger has it. Raises a Refusal, or a LedgerFault."""
        found = await self.in_ledger(reservation)
        if found is not None:
            return found
        in_redis = await self._in_redis(reservation)
        if isinstance(in_redis, Problem):
            raise Refusal(in_redis)
        # What Redis calls committed is taken from the ledger too: it may be settled since.
        deadline = time.monotonic() + WAIT_SECONDS
        while (found := await self.in_ledger(reservation)) is None:
            if time.monotonic() > deadline:
                raise Refusal(LEDGER_BEHIND)
            await asyncio.sleep(LOOK_SECONDS)
        return found

    async def _in_redis(self, reservation: UUID) -> Finding:
        answer = UNKNOWN_RESERVATION
        sales = await self._catalogue.with_tag(tag_of(reservation))
        if sales is None:
            return LEDGER_BEHIND
        try:
            for sale_id in sales:
                found = await self._in_sale(sale_id, reservation)
                if isinstance(found, Found):
                    return found
                answer = found or answer
        except RedisFault:
            return STOCK_UNVERIFIED
        return answer

    async def _in_sale(self, sale_id: str, reservation: UUID) -> Finding | None:
        store = SaleStore(self._server, sale_id)
        record = await store.read()
        while record is not None:
            stored = await store.find(record.epoch, reservation.hex)
            if stored is not None:
                return _of_redis(record, sale_id, reservation, StoredReservation.parse(stored))
            if not record.proven:
                return STOCK_UNVERIFIED
            # A recovery that ended in between has taken the reservations into its own epoch.
            looked_in, record = record.epoch, await store.read()
            if record is not None and record.epoch == looked_in:
                return None
        return STOCK_UNVERIFIED


async def all_in_ledger(database: Database, reservations: Collection[UUID]) -> dict[UUID, Found]:
    """Those of the reservations that the ledger has. Raises a LedgerFault."""
    rows = await find(database, reservations)
    return {id_: of_ledger(row) for id_, row in rows.items()}


def of_ledger(row: LedgerReservation) -> Found:
    """A row of the ledger, as its owner sees it."""
    reservation = Reservation(
        id=row.id,
        sale_id=row.sale_id,
        state=row.state,
        lines=decode(row.lines),
        currency=row.currency,
        durability=row.durability,
        version=row.version,
        created_at_ms=milliseconds(row.created_at),
        expires_at_ms=milliseconds(row.expires_at),
        replaced_by=row.replaced_by,
    )
    return Found(reservation=reservation, customer=row.customer, committed=True)


def _of_redis(record: Record, sale_id: str, id_: UUID, stored: StoredReservation) -> Found:
    reservation = Reservation(
        id=id_,
        sale_id=sale_id,
        state=stored.state,
        lines=decode(stored.lines),
        currency=record.currency,
        durability=record.proof.durability,
        version=stored.version,
        created_at_ms=stored.created_at_ms,
        expires_at_ms=stored.created_at_ms + record.hold_seconds * 1000,
    )
    committed = stored.version <= record.committed
    return Found(reservation=reservation, customer=stored.customer, committed=committed)


def milliseconds(moment: datetime) -> int:
    """A time of the ledger, in milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
