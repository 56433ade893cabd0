"""The sale that `up` opens, so that there is something to buy."""

import asyncio
from importlib import resources
from typing import Final

from doorbuster.sale_acts import change_state
from doorbuster.servers import Servers
from gateway.definitions.sale import parse_sale
from lua.store import SaleStore
from sql import sales
from sql.sales import SaleState

SALE_ID: Final = "demo"
SKU: Final = "LAMP-1"
# After a crash the lease of the reconciler that died has to run out first.
WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05


async def open_demo_sale(servers: Servers) -> bool:
    """Create and open it where it is not there yet, and return whether it can be bought from.

    What its operator has made of an older one stays as it is.
    """
    try:
        sale = await sales.read(servers.database, SALE_ID)
    except sales.NoSuchSale:
        definition = resources.files("doorbuster").joinpath("demo_sale.json").read_text()
        await sales.create(servers.database, parse_sale(definition))
        await change_state(servers, SALE_ID, "open")
    else:
        if sale.state != SaleState.OPEN:
            return False
    return await _is_proven_in_time(servers)


async def _is_proven_in_time(servers: Servers) -> bool:
    store = SaleStore(servers.redis, SALE_ID)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not ((record := await store.read()) and record.proven):
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        return False
    return True
