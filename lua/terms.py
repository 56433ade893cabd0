"""The terms of a checkout that is no ordinary one. They travel beside it, never into the stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never


@dataclass(frozen=True, slots=True)
class Late:
    """A payment after expiry: the window and the end of the sale do not refuse it, a pause does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromCart:
    """The lines are those of this customer's cart in this version, which admitting it empties.

    `customer` as in `Checkout`; version 0 stands for a cart without lines.
    """

    customer: str
    version: int


Terms: TypeAlias = Late | FromCart

# By the place of the checkout in its batch, from 0; the ordinary ones are not mentioned.
BatchTerms: TypeAlias = Mapping[int, Terms]


def customers_with_carts(terms: BatchTerms) -> list[str]:
    """Whose carts the script must see, in the order in which `encode_terms` numbers them."""
    return [each.customer for each in terms.values() if isinstance(each, FromCart)]


def encode_terms(terms: BatchTerms) -> str:
    """As the script takes it, which counts from 1."""
    parts: list[str] = []
    carts = 0
    for place, each in terms.items():
        match each:
            case Late():
                parts.append(f"{place + 1}=late")
            case FromCart(version=version):
                carts += 1
                parts.append(f"{place + 1}=cart:{carts}:{version}")
            case _ as never:
                assert_never(never)
    return ";".join(parts)
