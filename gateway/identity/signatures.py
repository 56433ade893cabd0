"""The signatures of tokens, verified by joserfc, which looks at each kind of header only once."""

import hmac
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hmac import compare_digest
from typing import Final, TypeAlias

from joserfc import jws
from joserfc.errors import BadSignatureError, InvalidHeaderValueError, SecurityWarning
from joserfc.jwk import Key, OctKey
from joserfc.jws import JWSRegistry
from joserfc.registry import Header
from joserfc.util import urlsafe_b64decode as checked_b64decode

from gateway.identity.signing_keys import PublishedKeys, StaticKey

Keys: TypeAlias = StaticKey | PublishedKeys

# A token must not say itself which key to trust, nor ask for extensions that we do not have.
_REFUSED_PARAMETERS: Final = frozenset(["crit", "jku", "jwk", "x5u", "x5c"])
# An issuer signs with a few keys, and writes the same header for all tokens of one key. Only a
# header that came with a good signature is remembered, so nobody else can fill this.
REMEMBERED_HEADERS: Final = 64
# The digests of HMAC (RFC 7518, section 3.2).
_DIGESTS: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


class Signatures:
    """Verifies signatures of one algorithm.

    What joserfc says of a header and its key is remembered by the header's bytes: that it names the
    algorithm, asks for nothing strange, and fits the key. The signature is verified each time.
    """

    def __init__(self, keys: Keys, algorithm: str) -> None:
        self._keys = keys
        self._registry = _registry(algorithm)
        self._algorithm = self._registry.get_alg(algorithm)
        self._digest = _DIGESTS.get(algorithm)
        self._good: dict[bytes, tuple[str | None, Key]] = {}

    def payload_at_once(self, token: bytes) -> bytes | None:
        """What was signed; None where only `payload` can tell.

        Raises JoseError or ValueError for a signature that does not fit.
        """
        signed, _, signature = token.rpartition(b".")
        header, _, payload = signed.partition(b".")
        key_id, key = self._good.get(header, _UNKNOWN)
        if key is None or self._keys.known(key_id) is not key:
            return None
        if not self._fits(signed, signature, key):
            raise BadSignatureError
        # The issuer has signed it, so nothing is hidden in how it is written.
        return urlsafe_b64decode(payload + b"==")

    def _fits(self, signed: bytes, signature: bytes, key: Key) -> bool:
        if self._digest is None or not isinstance(key, OctKey):
            return self._algorithm.verify(signed, checked_b64decode(signature), key)
        # As texts: of each digest there is only one, and it needs not be decoded. An empty secret,
        # with which anybody can sign, is no key to joserfc, which has used this one before.
        mac = _begun(key.raw_value, self._digest).copy()
        mac.update(signed)
        return compare_digest(urlsafe_b64encode(mac.digest()).rstrip(b"="), signature)

    async def payload(self, token: bytes) -> bytes:
        """What was signed.

        Raises JoseError, ValueError or TypeError for a token that is not good, and a Refusal where
        the issuer's keys cannot be had.
        """
        signed = jws.extract_compact(token, registry=self._registry)
        header = _checked(signed.headers())
        key = await self._keys.find(header.get("kid"))
        if not jws.validate_compact(signed, key, registry=self._registry):
            raise BadSignatureError
        self._remember(token, header, key)
        return signed.payload

    def _remember(self, token: bytes, header: Header, key: Key) -> None:
        # With `b64` (RFC 7797) the payload is not encoded; nobody means that, but it is taken.
        if "b64" in header:
            return
        if len(self._good) >= REMEMBERED_HEADERS:
            self._good.clear()
        self._good[token.partition(b".")[0]] = header.get("kid"), key


_UNKNOWN: Final[tuple[None, None]] = (None, None)


# Working the key in is half of the work.
@lru_cache(maxsize=REMEMBERED_HEADERS)
def _begun(key: bytes, digest: str) -> hmac.HMAC:
    return hmac.new(key, digestmod=digest)


def _registry(algorithm: str) -> JWSRegistry:
    # The one algorithm that was set, whatever the token would like (RFC 8725, section 3.1). Unknown
    # header parameters must be ignored (RFC 7515, section 4), and identity providers add their own.
    if algorithm == "EdDSA":
        # RFC 9864 renames it; issuers go on to write the old name, and each token would warn.
        warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)
    return JWSRegistry(algorithms=[algorithm], strict_check_header=False)


def _checked(header: object) -> Header:
    # joserfc looks at the header before it knows that it is an object.
    if not isinstance(header, dict) or not _REFUSED_PARAMETERS.isdisjoint(header):
        raise InvalidHeaderValueError
    return header
