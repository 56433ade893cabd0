"""Tickets: what an EventSource shows, which can send no header, to watch one reservation.

A ticket opens one stream to read, for a minute. It is signed and not stored, with a key that all
gateways share (`lua.ticket_key`), so any of them accepts it, also while Postgres is away.
"""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from gateway.identity.bearer import invalid_token
from gateway.problems import STOCK_UNVERIFIED, Refusal
from lua.faults import RedisFault

# Long enough for a page that was just given it to connect, and for an EventSource to connect again
# over a bad line; a page whose ticket has run out gets another.
TICKET_SECONDS: Final = 60
PREFIX: Final = "dbt_"
_TIME_BYTES: Final = 6
# Of SHA-256's 32: nobody has a minute for 2^128 guesses (RFC 2104, section 5).
_SEAL_BYTES: Final = 16

Key: TypeAlias = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """`text` is good until then."""

    text: str
    expires_at_ms: int


class Tickets:
    """Issues and checks them. Both may raise a Refusal: without Redis there is no key."""

    def __init__(self, key: Key, *, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    async def issue(self, reservation: UUID) -> Ticket:
        """A new ticket for this reservation."""
        expires_at_ms = int((self._clock() + TICKET_SECONDS) * 1000)
        end = expires_at_ms.to_bytes(_TIME_BYTES, "big")
        sealed = urlsafe_b64encode(end + await self._seal(reservation, end)).rstrip(b"=")
        return Ticket(text=PREFIX + sealed.decode(), expires_at_ms=expires_at_ms)

    async def check(self, text: str, reservation: UUID) -> None:
        """Raise a Refusal, 401, for what is no ticket for this reservation, or none any more."""
        sealed = _decoded(text)
        end, seal = sealed[:_TIME_BYTES], sealed[_TIME_BYTES:]
        if not hmac.compare_digest(seal, await self._seal(reservation, end)):
            raise invalid_token("This is no ticket for this reservation.")
        if int.from_bytes(end, "big") < self._clock() * 1000:
            raise invalid_token("The ticket has run out: ask for another.")

    async def _seal(self, reservation: UUID, end: bytes) -> bytes:
        try:
            key = await self._key()
        except RedisFault as fault:
            raise Refusal(STOCK_UNVERIFIED) from fault
        return hmac.digest(key, b"ticket" + reservation.bytes + end, "sha256")[:_SEAL_BYTES]


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.removeprefix(PREFIX) + "==")
    except (NotBase64, ValueError):
        return b""
