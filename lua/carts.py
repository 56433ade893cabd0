"""The door to customers' carts: each method is one script, its reply is a value.

A cart is what somebody means to buy. It holds no stock, is no part of a sale's history, and is
gone with the Redis that had it: neither proof nor epoch is asked for. Every method may raise a
`lua.faults.RedisFault`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from lua import keys
from lua.replies import Reply, UnexpectedReply, array, integer, text
from lua.script import Script, load
from lua.server import Argument, Server
from lua.store import UnknownItem

READ_CART = load("read_cart")
PUT_LINE = load("put_line")
REMOVE_LINES = load("remove_lines")

_EVERY_LINE: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """So many units of an item, and how many are `available` to everybody.

    `unit_price` is what the sale asks now, None where it no longer has the item.
    """

    sku: str
    quantity: int
    unit_price: int | None
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """A customer's cart, its lines in the order in which they were put in.

    `version` changes with the lines, and 0 stands for none; such a cart has no time at which it is
    forgotten.
    """

    version: int
    expires_at_ms: int | None
    now_ms: int
    currency: str
    lines: tuple[CartLine, ...]

    @property
    def total(self) -> int:
        """The price of it all now, in minor units."""
        return sum(line.quantity * (line.unit_price or 0) for line in self.lines)


@dataclass(frozen=True, slots=True)
class NoRecord:
    """Redis has no such sale."""


@dataclass(frozen=True, slots=True)
class CartFull:
    """The cart has as many lines as it may."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Memory is kept for what is sold."""


Kept: TypeAlias = Cart | NoRecord


class Carts:
    """The carts of every sale. A customer is a digest, as in `lua.admission.Checkout`.

    A cart that nobody changed for `kept_seconds` is forgotten.
    """

    def __init__(self, server: Server, *, kept_seconds: int, max_lines: int) -> None:
        self._server = server
        self._kept_seconds = kept_seconds
        self._max_lines = max_lines

    async def read(self, sale_id: str, customer: str) -> Kept:
        """The cart as it is."""
        return _kept(await self._run(READ_CART, sale_id, customer))

    async def put(
        self, sale_id: str, customer: str, *, sku: str, quantity: int
    ) -> Kept | UnknownItem | CartFull | NoRoom:
        """Let the cart have so many units of an item."""
        bounds = (self._max_lines, self._kept_seconds)
        reply = await self._run(PUT_LINE, sale_id, customer, sku, quantity, *bounds)
        match reply[0]:
            case b"unknown-sku":
                return UnknownItem()
            case b"full":
                return CartFull()
            case b"no-room":
                return NoRoom()
        return _kept(reply)

    async def remove(self, sale_id: str, customer: str, sku: str | None = None) -> Kept:
        """Take an item out of the cart, or all of them."""
        of = _EVERY_LINE if sku is None else sku
        return _kept(await self._run(REMOVE_LINES, sale_id, customer, of, self._kept_seconds))

    async def _run(
        self, script: Script, sale_id: str, customer: str, *arguments: Argument
    ) -> Sequence[Reply]:
        names = [keys.record(sale_id), keys.cart(sale_id, customer)]
        return array(await self._server.run(script, names, arguments))


def _kept(reply: Sequence[Reply]) -> Kept:
    match reply[0]:
        case b"unknown-sale":
            return NoRecord()
        case b"ok":
            return _cart(reply)
    raise UnexpectedReply(repr(reply))


def _cart(reply: Sequence[Reply]) -> Cart:
    _, version, expires_at_ms, now_ms, currency, *lines = reply
    expires = integer(expires_at_ms)
    return Cart(
        version=integer(version),
        expires_at_ms=expires if expires > 0 else None,
        now_ms=integer(now_ms),
        currency=text(currency),
        lines=tuple(_line(array(each)) for each in lines),
    )


def _line(reply: Sequence[Reply]) -> CartLine:
    sku, quantity, price, available = reply
    return CartLine(
        sku=text(sku),
        quantity=integer(quantity),
        unit_price=None if price is None else integer(price),
        available=0 if available is None else integer(available),
    )
