"""Ids of reservations: UUIDs of version 8 (RFC 9562, section 5.8), whose layout is ours.

    byte 0      4       6       8                      15
         tag     digest  8 ...   10.. digest, or random

The tag is of the sale. By it, a reservation that is asked for by its id alone is looked up in
Redis in few sales, or one, while the ledger does not have it yet. The rest is a digest of who
bought what for the n-th time, so that a click and its retry are one reservation; or random.
"""

import os
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

from gateway.admission.request import Wanted
from gateway.digest import digest, framed, framed_before, short_text
from gateway.identity import Customer
from gateway.quick_uuid import QuickUUID

TAG_BYTES: Final = 4
_REST_BYTES: Final = 16 - TAG_BYTES

_BITS: Final = (1 << 128) - 1
_VERSION_AND_VARIANT: Final = 0x8000_8000_0000_0000_0000
_NOT_VERSION_AND_VARIANT: Final = _BITS ^ 0xF000_C000_0000_0000_0000


def derive(customer: Customer, sale_id: str, key: str) -> UUID:
    """The id of what this customer checks out in this sale under this idempotency key."""
    text = customer.framed + framed_before(sale_id) + framed(key)
    return _build(sale_id, sha256(text).digest()[:_REST_BYTES])


def random_id(sale_id: str) -> UUID:
    """The id of a checkout without an idempotency key."""
    return _build(sale_id, os.urandom(_REST_BYTES))


def replacement_of(expired: UUID, sale_id: str) -> UUID:
    """The id of what a payment buys that came after this one of the sale had expired.

    Always the same, so that an attempt that was not finished is found again.
    """
    return _build(sale_id, digest("replacement", expired.hex)[:_REST_BYTES])


# More sales than any shop runs at a time; ids of sales that do not exist push each other out.
@lru_cache(maxsize=1024)
def sale_tag(sale_id: str) -> bytes:
    """The four bytes that the ids of the sale's reservations begin with."""
    return sha256(sale_id.encode()).digest()[:TAG_BYTES]


def tag_of(reservation: UUID) -> bytes:
    """The tag of the sale that the reservation is in, if it is one of ours."""
    return reservation.bytes[:TAG_BYTES]


def fingerprint(wanted: Wanted) -> str:
    """22 characters that tell checkouts apart that want other things."""
    return _fingerprint(";".join(f"{sku}:{quantity}" for sku, quantity in wanted))


def _fingerprint(text: str) -> str:
    return short_text(sha256(text.encode()).digest())


# A repeated click finds the cart empty, or with other things in it, and is the same checkout. No
# list of lines reads so.
CART_FINGERPRINT: Final = _fingerprint("cart")


def _build(sale_id: str, rest: bytes) -> UUID:
    number = int.from_bytes(sale_tag(sale_id) + rest, "big")
    marked = number & _NOT_VERSION_AND_VARIANT | _VERSION_AND_VARIANT
    return QuickUUID(marked.to_bytes(16, "big"))
