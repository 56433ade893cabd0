"""API keys: what the shop's own machines and its operators call with."""

import secrets
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, Literal, Protocol, TypeAlias

from gateway.identity.bearer import invalid_token
from gateway.identity.remembered import Remembered
from gateway.problems import FORBIDDEN, Refusal

PREFIX: Final = b"dbk_"
RANDOM_BYTES: Final = 32
# A revoked key is good for so long, in each worker.
REMEMBERED_SECONDS: Final = 5.0
# A shop has a handful of keys; made-up ones are never remembered.
REMEMBERED_KEYS: Final = 256

KeyScope: TypeAlias = Literal["admin", "settle"]


class ApiKey(Protocol):
    """A key that may be used, as the ledger has it.

    Spelt out here because a checkout knows of keys, to refuse them, and must not import the ledger.
    """

    @property
    def name(self) -> str:
        """What the operator called it."""

    @property
    def scope(self) -> str:
        """A KeyScope; `admin` may do what `settle` may."""


FindKey: TypeAlias = Callable[[bytes], Awaitable[ApiKey | None]]


class ApiKeys:
    """Finds keys by the SHA-256 of their text.

    The look-up compares digests of 256 random bits, so neither a slow hash nor a comparison in
    constant time would add anything.
    """

    def __init__(self, find: FindKey, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._clock = clock
        self._found = Remembered[ApiKey](REMEMBERED_KEYS)

    async def verify(self, text: bytes, scope: KeyScope) -> ApiKey:
        """The key, if it may do that.

        Raises a Refusal: 401 for a key that is unknown or revoked, 403 for one without the scope;
        and whatever the look-up raises.
        """
        key = await self._key(digest_of(text))
        if key is None:
            raise invalid_token("The API key is unknown or revoked.")
        if key.scope not in (scope, "admin"):
            raise Refusal(FORBIDDEN.because(f"The API key lacks the scope {scope}."))
        return key

    async def _key(self, digest: bytes) -> ApiKey | None:
        key = self._found.get(digest, self._clock())
        if key is None:
            asked_at = self._clock()
            key = await self._find(digest)
            if key is not None:
                self._found.put(digest, key, asked_at + REMEMBERED_SECONDS)
        return key


def new_key() -> str:
    """The text of a new key, to be shown once."""
    return PREFIX.decode() + secrets.token_urlsafe(RANDOM_BYTES)


def digest_of(text: bytes) -> bytes:
    """What is stored of a key."""
    return sha256(text).digest()
