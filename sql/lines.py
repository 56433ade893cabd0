"""Units by sku in the lines of a reservation, `sku:quantity:unit_price;...`."""

from collections import Counter
from collections.abc import Iterable


def units_by_sku(lines: Iterable[str]) -> Counter[str]:
    """How many units of each sku the given lines hold together.

    A rush buys the same few lists over and over, so each is parsed once.
    """
    units: Counter[str] = Counter()
    for text, count in Counter(lines).items():
        for line in text.split(";"):
            sku, quantity, _ = line.split(":")
            units[sku] += count * int(quantity)
    return units
