"""What the gateway asks the ledger about sales, in words that need no ledger to be spoken."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from gateway.problems import STOCK_UNVERIFIED, UNKNOWN_SALE, Problem

# Does the ledger know a sale of this id that is not a draft? None: that cannot be told now.
SaleLookup: TypeAlias = Callable[[str], Awaitable[bool | None]]

# The form of a sale's id, and of a sku.
NAME: Final = r"[A-Za-z0-9._-]{1,64}"
_NAME: Final = re.compile(NAME)


async def no_such_record(sale_id: str, lookup: SaleLookup) -> Problem:
    """What to say where Redis has no such sale: there is none, or it was lost there."""
    return UNKNOWN_SALE if await lookup(sale_id) is False else STOCK_UNVERIFIED


def is_sale_id(text: str) -> bool:
    """Whether a sale can have this id at all."""
    return _NAME.fullmatch(text) is not None


def is_sku(text: str) -> bool:
    """Whether a product can have this sku at all."""
    return _NAME.fullmatch(text) is not None
