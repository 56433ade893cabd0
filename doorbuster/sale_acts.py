"""What an operator does to a sale from the command line."""

from typing import Final, assert_never

from pydantic import ValidationError

from doorbuster.actor import actor
from doorbuster.faults import NotDone, WrongFile
from doorbuster.mistakes import told
from doorbuster.servers import Servers
from gateway.admin.sale_acts import Adjustment, Done, Reused, SaleActs, Unknown, Unverified
from gateway.definitions.sale import SaleChange
from lua.store import TooFew
from sql import sale_changes, sales
from sql.sale_changes import DefinedSale

# The reconciler needs some milliseconds, or a second if it has to take the sale first.
WAIT_SECONDS: Final = 10.0


async def change_state(servers: Servers, sale_id: str, act: str) -> Done:
    """Open, pause, resume or close a sale. Raises NotDone."""
    try:
        return await _acts(servers).change_state(sale_id, act, actor=actor())
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error
    except sales.NotAllowed as error:
        raise NotDone(str(error)) from error


async def change(servers: Servers, sale_id: str, wanted: SaleChange) -> Done:
    """Define the sale anew where that is allowed. Raises NotDone, and WrongFile for its terms."""
    before = await _read(servers, sale_id)
    try:
        after = await sale_changes.change(
            servers.database, sale_id, wanted.applied_to, actor=actor()
        )
    except ValidationError as error:
        raise WrongFile("\n".join(f"{sale_id}: {each}" for each in told(error))) from error
    except sales.NotAllowed as error:
        raise NotDone(str(error)) from error
    return await _acts(servers).carried_through(sale_id, changed=after != before)


async def _read(servers: Servers, sale_id: str) -> DefinedSale:
    try:
        return await sale_changes.read(servers.database, sale_id)
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error


async def adjust(servers: Servers, adjustment: Adjustment) -> Done:
    """Grant or lower. Raises NotDone."""
    try:
        adjusted = await _acts(servers).adjust(adjustment)
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {adjustment.sale_id}") from error
    except sales.NoSuchItem as error:
        raise NotDone(f"{adjustment.sale_id} has no item {adjustment.sku}") from error
    except sales.NotAllowed as error:
        raise NotDone(str(error)) from error
    match adjusted:
        case Done():
            return adjusted
        case TooFew(available=available):
            raise NotDone(f"{adjustment.sku} has {available} units left: nothing was taken out")
        case Unverified():
            raise NotDone(
                f"{adjustment.sale_id}: the stock is being verified, try again in a moment"
            )
        case Unknown():
            raise NotDone("Redis did not answer in time: the same command again finds out")
        case Reused(made=made):
            why = f": {made.reason}" if made.reason else ""
            raise NotDone(f"this id was used before, for {made.sku} {made.delta:+d}{why}")
    assert_never(adjusted)


def _acts(servers: Servers) -> SaleActs:
    return SaleActs(servers.database, servers.redis, wait_seconds=WAIT_SECONDS)
