"""A buyer."""

from collections.abc import AsyncGenerator, Mapping
from typing import Final, assert_never
from urllib.parse import quote
from uuid import UUID, uuid4

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from doorbuster.client.caller import RESERVATION, Caller
from doorbuster.client.cart import Cart
from doorbuster.client.exchange import Ask, NoReply, Reply, Result, Undecided, refused
from doorbuster.client.order import states_of
from doorbuster.client.outcome import Checkout, Refused, Reserved, SoldOut, Unknown
from doorbuster.client.reservation import Reservation
from doorbuster.client.stream import EventSource

CART: Final = TypeAdapter(Cart)


def new_key() -> str:
    """A name for one checkout. Keep it until its outcome is certain, over restarts too."""
    return str(uuid4())


class Customer(Caller):
    """Whom the token names: sees and gives up their own reservations."""

    async def checkout(
        self,
        sale_id: str,
        lines: Mapping[str, int] | None = None,
        *,
        key: str | None = None,
        seconds: float | None = None,
    ) -> Checkout:
        """Reserve so many units of each sku, or what is in the cart; all or nothing.

        It is sent again with the same key until the outcome is certain or the time is over.
        Without a key it makes one, which an `Unknown` tells.
        """
        key = key or new_key()
        ask = Ask(
            method="POST",
            path=f"{_sale(sale_id)}/checkout",
            headers={"idempotency-key": key},
            body=to_json({} if lines is None else {"lines": _wanted(lines)}),
        )
        return _checkout(await self.ask(ask, seconds), key)

    def order(self, reservation_id: UUID) -> AsyncGenerator[Reservation, None]:
        """The reservation now and after each change of it, until it is paid, released or expired.

        Close it (`contextlib.aclosing`) to stop earlier. Raises NoStream where there is none.
        """
        url = f"{self.url}/v1/reservations/{reservation_id}/events"
        return states_of(EventSource(self.http, url, self.bearing()))

    async def cart(self, sale_id: str, *, seconds: float | None = None) -> Cart | Refused:
        """What is in the cart of this sale."""
        return await self.read(f"{_sale(sale_id)}/cart", CART, seconds)

    async def put_into_cart(
        self, sale_id: str, sku: str, quantity: int, *, seconds: float | None = None
    ) -> Cart | Refused | Unknown:
        """Have so many units of an item in the cart, whatever it had before."""
        body = to_json({"quantity": quantity})
        return await self.tell(
            Ask(method="PUT", path=_item(sale_id, sku), body=body), CART, seconds
        )

    async def take_out_of_cart(
        self, sale_id: str, sku: str, *, seconds: float | None = None
    ) -> Cart | Refused | Unknown:
        """Have none of an item in the cart."""
        return await self.tell(Ask(method="DELETE", path=_item(sale_id, sku)), CART, seconds)

    async def empty_cart(
        self, sale_id: str, *, seconds: float | None = None
    ) -> Cart | Refused | Unknown:
        """Have nothing in the cart."""
        ask = Ask(method="DELETE", path=f"{_sale(sale_id)}/cart")
        return await self.tell(ask, CART, seconds)


def _sale(sale_id: str) -> str:
    return f"/v1/sales/{quote(sale_id, safe='')}"


def _item(sale_id: str, sku: str) -> str:
    return f"{_sale(sale_id)}/cart/items/{quote(sku, safe='')}"


def _wanted(lines: Mapping[str, int]) -> list[dict[str, str | int]]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]


def _checkout(result: Result, key: str) -> Checkout:
    match result:
        case Reply(status=200 | 201):
            reservation = RESERVATION.validate_json(result.body)
            return Reserved(reservation=reservation, replayed=result.status == 200)
        case Reply():
            return _sold_out(refused(result))
        case Refused():
            return result
        case Undecided(last=last):
            return Unknown(key=key, reservation_id=_promised(last))
        case _ as never:
            assert_never(never)


def _sold_out(no: Refused) -> SoldOut | Refused:
    lines = no.members.get("lines")
    if no.code != "insufficient-stock" or not isinstance(lines, list):
        return no
    return SoldOut(left={line["sku"]: line["available"] for line in lines})


def _promised(last: Reply | NoReply) -> UUID | None:
    """The id that a 202 names."""
    if isinstance(last, NoReply) or last.status != 202:
        return None
    return UUID(from_json(last.body)["id"])
