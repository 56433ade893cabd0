"""Lines of a checkout as they travel: `sku:quantity:unit_price;...`, sorted by sku.

The same text stands in the stream, in the stored reservation and in the ledger. A sku has no
separator in it (`[A-Za-z0-9._-]{1,64}`), so the text needs no escapes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Some units of one item; the price is of one unit, in minor units of the sale's currency."""

    sku: str
    quantity: int
    unit_price: int


def encode(lines: Iterable[Line]) -> str:
    """The lines as text."""
    return ";".join(f"{line.sku}:{line.quantity}:{line.unit_price}" for line in lines)


# A rush buys the same few combinations over and over, so decoding is remembered.
@lru_cache(maxsize=16384)
def decode(text: str) -> tuple[Line, ...]:
    """The lines that the text stands for."""
    return tuple(_decode_line(part) for part in text.split(";"))


def _decode_line(text: str) -> Line:
    sku, quantity, unit_price = text.split(":")
    return Line(sku=sku, quantity=int(quantity), unit_price=int(unit_price))
