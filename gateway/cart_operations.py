"""What the calls on carts take and answer, for the OpenAPI document."""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from gateway.admission.request import MAX_LINES, Quantity
from gateway.openapi import CUSTOMER, Operation, Success, Tag
from gateway.openapi.vocabulary import SALE_ID, SKU
from gateway.problems import CART_FULL, OVERLOADED, STOCK_UNVERIFIED, UNKNOWN_SALE, UNKNOWN_SKU


def _refuse_nothing(quantity: object) -> object:
    if quantity == 0:
        raise PydanticCustomError("nothing", "DELETE the item to take it out of the cart")
    return quantity


class CartQuantity(BaseModel):
    """How many units of an item the cart is to have, whatever it had before."""

    model_config = ConfigDict(extra="forbid", strict=True)

    quantity: Annotated[Quantity, BeforeValidator(_refuse_nothing)]


class CartLineBody(BaseModel):
    """Some units of one item, at today's price; null if the sale no longer has it."""

    sku: str
    quantity: int
    unit_price: int | None
    available: Annotated[int, Field(description="the units left now, to everybody")]


class CartBody(BaseModel):
    """A customer's cart. Amounts are in minor units of the currency; `server_time` is now."""

    sale_id: str
    version: Annotated[int, Field(description="another one after each change; 0 if it is empty")]
    lines: list[CartLineBody]
    total: int
    currency: Annotated[str, Field(examples=["EUR"])]
    holds_stock: Annotated[Literal[False], Field(description="only a checkout reserves units")]
    expires_at: Annotated[
        AwareDatetime | None, Field(description="forgotten then, unless it is changed before")
    ]
    server_time: AwareDatetime


_CART: Final = (Success(status=200, description="The cart as it is now.", body=CartBody),)
_PROBLEMS: Final = (UNKNOWN_SALE, STOCK_UNVERIFIED)

READ_CART: Final = Operation(
    method="GET",
    id="readCart",
    summary="The customer's cart in this sale",
    tag=Tag.CARTS,
    callers=(CUSTOMER,),
    parameters=(SALE_ID,),
    successes=_CART,
    problems=_PROBLEMS,
)

EMPTY_CART: Final = Operation(
    method="DELETE",
    id="emptyCart",
    summary="Take everything out of the cart",
    tag=Tag.CARTS,
    callers=(CUSTOMER,),
    parameters=(SALE_ID,),
    successes=_CART,
    problems=_PROBLEMS,
)

PUT_CART_ITEM: Final = Operation(
    method="PUT",
    id="putCartItem",
    summary="Put an item into the cart, or change how many of it",
    description=(
        f"A cart has at most {MAX_LINES} lines. The price is the sale's. A checkout with `{{}}` "
        "takes the cart, all or nothing, and empties it."
    ),
    tag=Tag.CARTS,
    callers=(CUSTOMER,),
    parameters=(SALE_ID, SKU),
    body=CartQuantity,
    successes=_CART,
    problems=(*_PROBLEMS, UNKNOWN_SKU, CART_FULL, OVERLOADED),
)

REMOVE_CART_ITEM: Final = Operation(
    method="DELETE",
    id="removeCartItem",
    summary="Take an item out of the cart",
    description="It need not be in it.",
    tag=Tag.CARTS,
    callers=(CUSTOMER,),
    parameters=(SALE_ID, SKU),
    successes=_CART,
    problems=(*_PROBLEMS, UNKNOWN_SKU),
)
