"""`/v1/sales/{sale_id}/cart`: put, change, remove, read. It works while Postgres is down."""

from collections.abc import Awaitable
from typing import Final, TypeVar, assert_never

from pydantic import TypeAdapter
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.asgi import read_body
from gateway.cart_operations import (
    EMPTY_CART,
    PUT_CART_ITEM,
    READ_CART,
    REMOVE_CART_ITEM,
    CartQuantity,
)
from gateway.identity import Callers
from gateway.json_body import parse_json
from gateway.openapi import Call
from gateway.problems import (
    CART_FULL,
    OVERLOADED,
    STOCK_UNVERIFIED,
    UNKNOWN_SALE,
    UNKNOWN_SKU,
    Refusal,
)
from gateway.representation import timestamp
from gateway.sales import SaleLookup, is_sale_id, is_sku, no_such_record
from lua.carts import Cart, CartFull, Carts, NoRecord, NoRoom
from lua.faults import RedisFault
from lua.store import UnknownItem

Answered = TypeVar("Answered")

_QUANTITY: Final = TypeAdapter(CartQuantity)


class CartEndpoints:
    """A customer's cart in each sale. Every change may be told again."""

    def __init__(self, carts: Carts, lookup: SaleLookup, callers: Callers) -> None:
        self._carts = carts
        self._lookup = lookup
        self._callers = callers

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        cart = "/v1/sales/{sale_id}/cart"
        item = f"{cart}/items/{{sku}}"
        return [
            Call(cart, self.read, READ_CART),
            Call(cart, self.empty, EMPTY_CART),
            Call(item, self.put, PUT_CART_ITEM),
            Call(item, self.remove, REMOVE_CART_ITEM),
        ]

    async def read(self, request: Request) -> Response:
        """The cart; one that nobody has filled is empty."""
        sale_id, customer = await self._whose(request)
        return await self._answer(sale_id, self._carts.read(sale_id, customer))

    async def empty(self, request: Request) -> Response:
        """Take everything out of it."""
        sale_id, customer = await self._whose(request)
        return await self._answer(sale_id, self._carts.remove(sale_id, customer))

    async def put(self, request: Request) -> Response:
        """Let it have so many units of an item."""
        sale_id, customer = await self._whose(request)
        sku = _sku(request)
        quantity = await _quantity(request)
        return await self._answer(
            sale_id, self._carts.put(sale_id, customer, sku=sku, quantity=quantity)
        )

    async def remove(self, request: Request) -> Response:
        """Take an item out of it."""
        sale_id, customer = await self._whose(request)
        return await self._answer(sale_id, self._carts.remove(sale_id, customer, _sku(request)))

    async def _whose(self, request: Request) -> tuple[str, str]:
        """The sale, and the digest of the customer. Raises a Refusal."""
        customer = await self._callers.customer(request.scope)
        sale_id = request.path_params["sale_id"]
        if not is_sale_id(sale_id):
            raise Refusal(UNKNOWN_SALE)
        return sale_id, customer.digest

    async def _answer(
        self, sale_id: str, outcome: Awaitable[Cart | NoRecord | UnknownItem | CartFull | NoRoom]
    ) -> Response:
        match await _unless_away(outcome):
            case Cart() as cart:
                return _document(sale_id, cart)
            case NoRecord():
                raise Refusal(await no_such_record(sale_id, self._lookup))
            case UnknownItem():
                raise Refusal(UNKNOWN_SKU)
            case CartFull():
                raise Refusal(CART_FULL)
            case NoRoom():
                raise Refusal(OVERLOADED.because("There is no room for more in carts just now."))
            case _ as never:
                assert_never(never)


async def _unless_away(outcome: Awaitable[Answered]) -> Answered:
    try:
        return await outcome
    except RedisFault as fault:
        raise Refusal(STOCK_UNVERIFIED) from fault


def _sku(request: Request) -> str:
    sku: str = request.path_params["sku"]
    if not is_sku(sku):
        raise Refusal(UNKNOWN_SKU)
    return sku


async def _quantity(request: Request) -> int:
    return parse_json(request.scope, await read_body(request.receive), _QUANTITY).quantity


def _document(sale_id: str, cart: Cart) -> Response:
    body = {
        "sale_id": sale_id,
        "version": cart.version,
        "lines": cart.lines,
        "total": cart.total,
        "currency": cart.currency,
        "holds_stock": False,
        "expires_at": timestamp(cart.expires_at_ms) if cart.expires_at_ms else None,
        "server_time": timestamp(cart.now_ms),
    }
    headers = {"cache-control": "no-store"}
    return Response(to_json(body), headers=headers, media_type="application/json")
