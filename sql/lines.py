"""Units by sku in the lines of a reservation, `sku:quantity:unit_price;...`."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache


def units_by_sku(lines: Iterable[str]) -> Counter[str]:
    """How many units of each sku the given lines hold together."""
    units: Counter[str] = Counter()
    for text, count in Counter(lines).items():
        for sku, quantity in units_of(text):
            units[sku] += count * quantity
    return units


# A rush buys the same few lists over and over. The longest have 10 KB each.
@lru_cache(maxsize=1024)
def units_of(lines: str) -> tuple[tuple[str, int], ...]:
    """The skus that the lines hold, with the units of each, as they stand there."""
    parts = (line.split(":") for line in lines.split(";"))
    return tuple((sku, int(quantity)) for sku, quantity, _ in parts)
