"""What a checkout comes down to: its lines at the prices of one moment, and on which terms."""

from dataclasses import dataclass

from gateway.admission.answer import PaidLate
from gateway.admission.definition import Definition
from gateway.admission.request import Wanted
from gateway.admission.reservation_id import CART_FINGERPRINT, fingerprint
from lua.carts import Cart
from lua.lines import Line, encode
from lua.terms import FromCart, Late, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`encoded` has the lines for the script, and `fingerprint` tells apart what may not share
    an id; an ordinary checkout has no `terms`.
    """

    lines: tuple[Line, ...]
    encoded: str
    fingerprint: str
    definition: Definition
    terms: Terms | None = None

    @classmethod
    def of_lines(cls, wanted: Wanted, definition: Definition) -> "Order":
        """What the customer names, each of which the definition must have."""
        prices = definition.prices
        lines = tuple(
            Line(sku=sku, quantity=quantity, unit_price=prices[sku]) for sku, quantity in wanted
        )
        return cls(
            lines=lines,
            encoded=encode(lines),
            fingerprint=fingerprint(wanted),
            definition=definition,
        )

    @classmethod
    def of_late_payment(cls, paid: PaidLate, definition: Definition) -> "Order":
        """What was paid for, at what was paid: the script says if a price is another one now."""
        wanted = tuple((line.sku, line.quantity) for line in paid.lines)
        return cls(
            lines=paid.lines,
            encoded=encode(paid.lines),
            fingerprint=fingerprint(wanted),
            definition=definition,
            terms=Late(),
        )

    @classmethod
    def of_cart(cls, cart: Cart, customer: str, definition: Definition) -> "Order":
        """What the customer's cart holds, with the prices that were read with it.

        An item that has gone from the sale is sent too, and an empty cart: the script says what is
        wrong with them, once it has looked whether this very checkout was admitted before.
        """
        lines = tuple(
            Line(sku=line.sku, quantity=line.quantity, unit_price=line.unit_price or 0)
            for line in sorted(cart.lines, key=lambda line: line.sku)
        )
        terms = FromCart(customer=customer, version=cart.version)
        return cls(
            lines=lines,
            encoded=encode(lines),
            fingerprint=CART_FINGERPRINT,
            definition=definition,
            terms=terms,
        )
