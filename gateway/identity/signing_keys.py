"""The keys that tokens are verified with: one that was set, or those that the issuer publishes."""

import asyncio
import logging
import time
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException
from typing import IO, Final
from urllib.request import HTTPRedirectHandler, Request, build_opener

from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeyParameters, KeySet
from joserfc.jws import JWSRegistry
from pydantic_core import from_json

from gateway.identity.bearer import invalid_token
from gateway.problems import ISSUER_UNAVAILABLE, Refusal

# How long a key that the issuer took back is still good.
REFRESH_SECONDS: Final = 300.0
# A flood of made-up key ids must not become a flood of fetches. Issuers publish a key well before
# they sign with it, so nobody honest waits for this.
COOL_DOWN_SECONDS: Final = 10.0
FETCH_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 3.0  # within a fetch; it also ends the thread of a fetch that was given up
# The largest sets that identity providers publish have some 20 KB.
MAX_KEY_SET_BYTES: Final = 256 * 1024

# RFC 7518, section 6.1, and RFC 8037 for EdDSA.
KEY_TYPES: Final = {"HS": "oct", "RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

logger = logging.getLogger(__name__)


class UnusableKey(Exception):
    """The key that was set does not fit the algorithm that was set."""


class StaticKey:
    """One key for all tokens: an HMAC secret, or a public key in PEM."""

    def __init__(self, key: str, algorithm: str) -> None:
        """Raises UnusableKey."""
        try:
            self._key = JWKRegistry.import_key(key, KEY_TYPES[algorithm[:2]])
            # Only a trial finds a key that can encrypt and not sign, such as X25519.
            JWSRegistry.algorithms[algorithm].check_key(self._key)
            JWSRegistry.algorithms[algorithm].verify(b"", b"", self._key)
        except (JoseError, ValueError) as error:
            raise UnusableKey(f"the token key is no key for {algorithm}") from error

    def known(self, _: str | None) -> Key:
        """The key, whatever id the token gives."""
        return self._key

    async def find(self, key_id: str | None) -> Key:
        """The same."""
        return self.known(key_id)


class PublishedKeys:
    """The key set behind a URL (RFC 7517), kept while the URL is down.

    `keep_fresh` runs beside the requests, in a task group of whoever owns this.
    """

    def __init__(
        self, url: str, algorithm: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises UnusableKey for a URL that is not HTTP: urllib would open a file as well."""
        if not url.startswith(("https://", "http://")):
            raise UnusableKey("the URL of the token keys must begin with https:// or http://")
        self._url = url
        self._wanted: KeyParameters = {"alg": algorithm, "use": "sig"}
        self._clock = clock
        self._keys = KeySet([])
        self._one_at_a_time = asyncio.Lock()
        self._cool_until = -float("inf")
        self._reachable = False

    async def keep_fresh(self) -> None:
        """Fetch the keys again and again, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    def known(self, key_id: str | None) -> Key | None:
        """The key of that id, as it was last fetched."""
        try:
            return self._keys.get_by_kid(key_id, self._wanted)
        except InvalidKeyIdError:
            return None

    async def find(self, key_id: str | None) -> Key:
        """The key of that id, fetched if it is new.

        Raises a Refusal: 401 if the issuer has no such key, 503 if it cannot be asked.
        """
        key = self.known(key_id)
        if key is None:
            await self.refresh()
            key = self.known(key_id)
        if key is not None:
            return key
        if self._reachable:
            raise invalid_token("The token is signed with a key that its issuer does not publish.")
        raise Refusal(ISSUER_UNAVAILABLE)

    async def refresh(self) -> None:
        """Fetch the keys, unless somebody tried to within the cool-down."""
        async with self._one_at_a_time:
            if self._clock() < self._cool_until:
                return
            try:
                self._keys = await self._fetch()
                self._reachable = True
            except (OSError, HTTPException, ValueError) as error:
                self._reachable = False
                logger.warning("cannot fetch the token keys, keeping the old ones: %s", error)
            finally:
                # From the end of it: with an issuer that hangs, most callers must not wait for it.
                self._cool_until = self._clock() + COOL_DOWN_SECONDS

    async def _fetch(self) -> KeySet:
        # urllib's own limit is for each read; a server that dribbles outlasts it.
        async with asyncio.timeout(FETCH_SECONDS):
            return _parse(await asyncio.to_thread(_download, self._url))


class _NoRedirect(HTTPRedirectHandler):
    """The keys come from the address that the operator named, and from nowhere else."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        del req, fp, code, msg, headers, newurl  # None makes urllib raise an HTTPError


def _download(url: str) -> bytes:
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 (checked above)
    opener = build_opener(_NoRedirect)
    with opener.open(request, timeout=SILENCE_SECONDS) as response:
        # A larger set ends within a key, and so is no JSON.
        body: bytes = response.read(MAX_KEY_SET_BYTES)
    return body


def _parse(body: bytes) -> KeySet:
    document = from_json(body)
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = [_parse_key(each) for each in listed] if isinstance(listed, list) else []
    usable = [key for key in keys if key is not None]
    if not usable:
        raise ValueError("there is no usable key in it")
    return KeySet(usable)


def _parse_key(value: str | dict[str, str | list[str]]) -> Key | None:
    # RFC 7517, section 5: keys that we do not understand are ignored, the others are good.
    try:
        return JWKRegistry.import_key(value)
    except (JoseError, ValueError, TypeError):
        return None
