"""Parses a checkout: what comes out of here is within every bound that the script relies on."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.json_body import check_media_type, invalid, parse_shape
from gateway.problems import MALFORMED, Refusal
from gateway.sales import NAME

# A cart of more than that is no customer's; the script walks the lines several times.
MAX_LINES: Final = 100
# Of one sku, also after summing: Redis' Lua counts in doubles, and no sale is near this.
MAX_QUANTITY: Final = 10_000
MAX_KEY_LENGTH: Final = 128

# Sku and units, each sku once, sorted by sku: the order in which the script and the ledger lock.
Wanted: TypeAlias = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class CustomersCart:
    """The lines are those of the cart that the customer filled in this sale."""


Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class CheckoutLine(BaseModel):
    """Some units of one item."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sku: Annotated[str, Field(pattern=f"^{NAME}$")]
    quantity: Quantity


class CheckoutBody(BaseModel):
    """The body of a checkout; without lines it means the cart."""

    model_config = ConfigDict(extra="forbid", strict=True)

    lines: Annotated[
        list[CheckoutLine],
        Field(
            default_factory=list,
            min_length=1,
            max_length=MAX_LINES,
            examples=[[{"sku": "LAMP-1", "quantity": 2}]],
        ),
    ]


_BODY: Final = TypeAdapter(CheckoutBody)


# A rush sends the same few bodies over and over; long ones are no use to anybody else.
REMEMBERED_BODIES: Final = 1024
MAX_REMEMBERED_BYTES: Final = 512


def parse_checkout(content_type: bytes | None, body: bytes) -> Wanted | CustomersCart:
    """What the customer wants. Raises a Refusal as `parse_json` does."""
    check_media_type(content_type)
    return _remembered(body) if len(body) <= MAX_REMEMBERED_BYTES else _parse(body)


def _parse(body: bytes) -> Wanted | CustomersCart:
    lines = parse_shape(body, _BODY).lines
    return _summed(lines) if lines else CustomersCart()


# What is refused is not remembered.
_remembered: Final = lru_cache(maxsize=REMEMBERED_BODIES)(_parse)


def _summed(lines: list[CheckoutLine]) -> Wanted:
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.sku] = totals.get(line.sku, 0) + line.quantity
    for sku, quantity in totals.items():
        if quantity > MAX_QUANTITY:
            raise invalid("/lines", f"{quantity} units of {sku}, where {MAX_QUANTITY} is the most")
    return tuple(sorted(totals.items()))


# draft-ietf-httpapi-idempotency-key-header wants a string as in RFC 8941, section 3.3.3, quotes and
# all; most clients send the bare key, and mean the same.
_QUOTED: Final = re.compile(rb'"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE: Final = re.compile(rb"[\x21\x23-\x7e][\x21-\x7e]*")
_ESCAPE: Final = re.compile(rb"\\(.)")


def idempotency_key(value: bytes | None) -> str | None:
    """The name that this header has for a request. Raises a Refusal for what is no such name."""
    if value is None:
        return None
    key = _unquoted(value)
    if key is None or not 1 <= len(key) <= MAX_KEY_LENGTH:
        detail = f"An Idempotency-Key has 1 to {MAX_KEY_LENGTH} visible ASCII characters."
        raise Refusal(MALFORMED.because(detail))
    return key.decode("ascii")


def _unquoted(value: bytes) -> bytes | None:
    if not value.startswith(b'"'):
        return value if _BARE.fullmatch(value) else None
    quoted = _QUOTED.fullmatch(value)
    return _ESCAPE.sub(rb"\1", quoted[1]) if quoted else None
