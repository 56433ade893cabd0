"""A client of the gateway, for Python shops. It imports none of the servers.

    async with connect("https://rush.shop.example") as gateway:
        buyer = gateway.customer(token)
        match await buyer.checkout("friday", {"LAMP-1": 2}, key=key):
            case Reserved(reservation=reservation): ...
            case SoldOut(left=left): ...
            case Refused(code=code): ...
            case Unknown(key=key): ...  # the same call with the same key tells

What a shop may answer is a value. Exceptions are left for a wrong use of the client, and for a
stream that there is none of.
"""

from doorbuster.client.cart import Cart, CartLine
from doorbuster.client.customer import Customer, new_key
from doorbuster.client.gateway import Gateway, connect
from doorbuster.client.outcome import Checkout, Refused, Reserved, SoldOut, Unknown
from doorbuster.client.reservation import Line, Reservation
from doorbuster.client.stock import Stock
from doorbuster.client.stream import NoStream
from doorbuster.client.till import Till

__all__ = [
    "Cart",
    "CartLine",
    "Checkout",
    "Customer",
    "Gateway",
    "Line",
    "NoStream",
    "Refused",
    "Reservation",
    "Reserved",
    "SoldOut",
    "Stock",
    "Till",
    "Unknown",
    "connect",
    "new_key",
]
