"""What an operator does to a sale, carried through to where buyers feel it.

The ledger keeps the act, the reconciler installs it in Redis; lowering stock goes the other way,
because only Redis knows which units are still there to be taken.
"""

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from doorbuster.actor import actor
from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from lua.store import Applied, SaleStore, TooFew, UnknownItem
from sql import sales
from sql.outbox import PendingGrant, PendingState, read_pending
from sql.sales import SaleState

# The reconciler needs some milliseconds, or a second if it has to take the sale first.
WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05


class Done(StrEnum):
    """What came of an act."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SAVED = "saved, but no reconciler has installed it yet: is one running?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Units to be granted to an item, or taken out of it (a negative delta)."""

    sale_id: str
    sku: str
    delta: int
    reason: str
    request: str | None

    @property
    def id(self) -> str:
        """What makes it happen once: the operator's own id, or else all that was said.

        So a command that is repeated after a lost answer changes nothing; who means it again
        gives another reason, or an id.
        """
        said = f"{self.sale_id}\n{self.sku}\n{self.delta}\n{self.reason}"
        return self.request or sha256(said.encode()).hexdigest()[:32]

    @property
    def context(self) -> dict[str, str]:
        """Who and why."""
        return {"actor": actor(), "reason": self.reason}


async def change_state(servers: Servers, sale_id: str, act: str) -> Done:
    """Open, pause, resume or close a sale. Raises NotDone."""
    try:
        changed = await sales.change_state(servers.database, sale_id, act, actor=actor())
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error
    except sales.NotAllowed as error:
        raise NotDone(str(error)) from error
    return await _installed(servers, sale_id, changed=changed)


async def adjust(servers: Servers, adjustment: Adjustment) -> Done:
    """Grant or lower. Raises NotDone."""
    try:
        sale = await sales.read(servers.database, adjustment.sale_id)
        if await sales.find_adjustment(servers.database, adjustment.id):
            return Done.UNCHANGED
        if adjustment.delta > 0:
            return await _grant(servers, adjustment)
        if sale.state == SaleState.DRAFT:
            return await _lower_draft(servers, adjustment)
        return await _lower(servers, adjustment)
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {adjustment.sale_id}") from error
    except sales.NoSuchItem as error:
        raise NotDone(f"{adjustment.sale_id} has no item {adjustment.sku}") from error
    except sales.NotAllowed as error:
        raise NotDone(str(error)) from error


async def _grant(servers: Servers, adjustment: Adjustment) -> Done:
    changed = await sales.grant(
        servers.database,
        adjustment.sale_id,
        sku=adjustment.sku,
        units=adjustment.delta,
        request=adjustment.id,
        context=adjustment.context,
    )
    return await _installed(servers, adjustment.sale_id, changed=changed)


async def _lower_draft(servers: Servers, adjustment: Adjustment) -> Done:
    changed = await sales.lower_draft(
        servers.database,
        adjustment.sale_id,
        sku=adjustment.sku,
        units=-adjustment.delta,
        request=adjustment.id,
        context=adjustment.context,
    )
    return Done.CHANGED if changed else Done.UNCHANGED


async def _lower(servers: Servers, adjustment: Adjustment) -> Done:
    store = SaleStore(servers.redis, adjustment.sale_id)
    record = await store.read()
    if record is None or not record.proven:
        raise NotDone(f"{adjustment.sale_id}: the stock is being verified, try again in a moment")
    reply = await store.lower(
        record.epoch,
        request=adjustment.id,
        sku=adjustment.sku,
        units=-adjustment.delta,
        context=json.dumps(adjustment.context),
    )
    match reply:
        case Applied(version=version):
            return Done.UNCHANGED if version is None else Done.CHANGED
        case TooFew(available=available):
            raise NotDone(f"{adjustment.sku} has {available} units left: nothing was taken out")
        case UnknownItem():
            raise sales.NoSuchItem(adjustment.sku)
    raise NotDone(f"{adjustment.sale_id}: the stock is being verified, try again in a moment")


async def _installed(servers: Servers, sale_id: str, *, changed: bool) -> Done:
    """Wait a little for the reconciler. A draft has nothing to be installed."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not await _is_installed(servers, sale_id):
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        return Done.SAVED
    return Done.CHANGED if changed else Done.UNCHANGED


async def _is_installed(servers: Servers, sale_id: str) -> bool:
    sale = await sales.read(servers.database, sale_id)
    if sale.state == SaleState.DRAFT:
        return True
    pending = await read_pending(servers.database, sale_id, after=0, count=1000)
    waiting = any(isinstance(row, PendingState | PendingGrant) for row in pending)
    return sale.opened > 0 and not waiting
