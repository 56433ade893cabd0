"""The names of a sale's keys. The sale id is the hash tag: one sale lives in one slot."""

from dataclasses import dataclass
from functools import lru_cache

PREFIX = "doorbuster"
# What gateways sign tickets with. It belongs to no sale.
TICKET_KEY = f"{PREFIX}:ticket-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochKeys:
    """What carries the epoch in its name, so that an older epoch can never touch it."""

    reservations: str
    customers: str
    stream: str


def record(sale_id: str) -> str:
    """The sale's record, and the channel on which its changes are announced."""
    return f"{PREFIX}:{{{sale_id}}}"


def orders(sale_id: str) -> str:
    """The channel on which it is hinted that the ledger has news of the sale's orders."""
    return f"{PREFIX}:{{{sale_id}}}:orders"


def seen(sale_id: str) -> str:
    """The highest versions that refused callers had seen, by epoch."""
    return f"{PREFIX}:{{{sale_id}}}:seen"


def cart(sale_id: str, customer: str) -> str:
    """What the customer means to buy; it has no epoch, because it is no part of the history."""
    return f"{PREFIX}:{{{sale_id}}}:cart:{customer}"


@lru_cache(maxsize=4096)
def of_epoch(sale_id: str, epoch: int) -> EpochKeys:
    """The keys of one generation of the sale's state."""
    base = f"{PREFIX}:{{{sale_id}}}:{epoch}"
    return EpochKeys(
        reservations=f"{base}:reservations",
        customers=f"{base}:customers",
        stream=f"{base}:stream",
    )
