"""What an operator does to a sale from the command line."""

from typing import Final, assert_never

from doorbuster.actor import actor
from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from gateway.admin.sale_acts import Adjustment, Done, Reused, SaleActs, Unknown, Unverified
from lua.store import TooFew
from sql import sales

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
            raise NotDone(f"this id was used before, for {made.sku} {made.delta:+d}: {made.reason}")
    assert_never(adjusted)


def _acts(servers: Servers) -> SaleActs:
    return SaleActs(servers.database, servers.redis, wait_seconds=WAIT_SECONDS)
