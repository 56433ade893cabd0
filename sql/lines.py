"""Units by sku in the lines of a reservation, `sku:quantity:unit_price;...`."""

from collections import Counter
from collections.abc import Iterable


def units_by_sku(lines: Iterable[str]) -> Counter[str]:
    """How many units of each sku the given lines hold together."""
    units: Counter[str] = Counter()
    for text in lines:
        for line in text.split(";"):
            sku, quantity, _ = line.split(":")
            units[sku] += int(quantity)
    return units
