"""What the script refused, in the words of the HTTP interface."""

from collections.abc import Mapping
from math import ceil
from typing import TypeAlias, assert_never

from gateway.admission.definition import Definition
from gateway.problems import (
    CART_EMPTY,
    CHANGED,
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_STOCK,
    LEDGER_BEHIND,
    PURCHASE_LIMIT_EXCEEDED,
    SALE_CLOSED,
    SALE_NOT_OPEN,
    SALE_PAUSED,
    UNKNOWN_SKU,
    Problem,
)
from lua.admission import (
    CartEmpty,
    Changed,
    LedgerBehind,
    NotOpen,
    OverLimit,
    Reused,
    Short,
    UnknownSku,
)

Refused: TypeAlias = (
    Reused | NotOpen | LedgerBehind | CartEmpty | UnknownSku | Changed | OverLimit | Short
)


def refusal(outcome: Refused, definition: Definition, now_ms: int) -> Problem:
    """The problem that tells of a refused checkout."""
    match outcome:
        case Reused():
            return IDEMPOTENCY_KEY_REUSED
        case NotOpen(state=state):
            return _not_open(state, definition.opens_at_ms - now_ms)
        case LedgerBehind():
            return LEDGER_BEHIND
        case UnknownSku(sku=sku):
            return UNKNOWN_SKU.because(f"The sale has no {sku}.", sku=sku)
        case CartEmpty():
            return CART_EMPTY
        case Changed():
            return CHANGED
        case OverLimit(sku=None):
            return PURCHASE_LIMIT_EXCEEDED.because("No more reservations in this sale.", left=0)
        case OverLimit(sku=sku, left=left):
            detail = f"You may take {left} more of {sku}."
            return PURCHASE_LIMIT_EXCEEDED.because(detail, sku=sku, left=left)
        case Short(available=available):
            return short_of(available)
        case _ as never:
            assert_never(never)


def _not_open(state: str, opens_in_ms: int) -> Problem:
    if state == "scheduled":
        return SALE_NOT_OPEN.retry_after(max(1, ceil(opens_in_ms / 1000)))
    return SALE_PAUSED if state == "paused" else SALE_CLOSED


def short_of(available: Mapping[str, int]) -> Problem:
    """The refusal of a checkout that wants more of these than the units that are left."""
    lines = [{"sku": sku, "available": units} for sku, units in sorted(available.items())]
    return INSUFFICIENT_STOCK.because("Nothing was reserved.", lines=lines)
