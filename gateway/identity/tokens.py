"""The tokens of the shop's customers: signed JWTs (RFC 7519), verified by joserfc."""

import re
import time
import warnings
from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeAlias

from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidHeaderValueError,
    JoseError,
    SecurityWarning,
)
from joserfc.jws import JWSRegistry
from joserfc.registry import Header
from pydantic_core import from_json

from gateway.identity.bearer import invalid_token
from gateway.identity.customer import Customer
from gateway.identity.remembered import Remembered
from gateway.identity.signing_keys import PublishedKeys, StaticKey

Keys: TypeAlias = StaticKey | PublishedKeys

# The clocks of the issuer and of this host may differ by so much.
LEEWAY_SECONDS: Final = 5
# A customer sends the same token with every click, and verifying it costs as much as the rest of
# the request. Not for longer, so that a key that the issuer took back is soon worth nothing.
REMEMBERED_SECONDS: Final = 60.0
# About 300 bytes each.
REMEMBERED_TOKENS: Final = 32_768

# Postgres cannot store U+0000, and the other control characters only garble logs. Lone surrogates,
# which have no UTF-8, are refused as JSON already.
_SUBJECT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,255}")
# A token must not say itself which key to trust, nor ask for extensions that we do not have.
_REFUSED_PARAMETERS: Final = frozenset(["crit", "jku", "jwk", "x5u", "x5c"])


class Tokens:
    """Verifies tokens of one issuer for one audience, signed with one algorithm."""

    def __init__(
        self,
        keys: Keys,
        *,
        algorithm: str,
        issuer: str,
        audience: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._registry = _registry(algorithm)
        self._rules = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._verified = Remembered[Customer](REMEMBERED_TOKENS)

    async def verify(self, token: bytes) -> Customer:
        """The customer whom the token names.

        Raises a Refusal: 401 if it is not valid, 503 if the issuer's keys cannot be had.
        """
        # By digest, so that a long token costs no more than a short one, and none stays in memory.
        name = sha256(token).digest()
        now = self._clock()
        customer = self._verified.get(name, now)
        if customer is None:
            customer, expires = await self._verify(token)
            self._verified.put(name, customer, min(expires, now + REMEMBERED_SECONDS))
        return customer

    async def _verify(self, token: bytes) -> tuple[Customer, float]:
        claims = await self._claims(token)
        subject: str = claims["sub"]
        if not _SUBJECT.fullmatch(subject):
            raise invalid_token("The token's sub is empty, too long or not storable.")
        return Customer(issuer=self._issuer, subject=subject), claims["exp"] + LEEWAY_SECONDS

    async def _claims(self, token: bytes) -> jwt.Claims:
        try:
            claims = await self._signed_claims(token)
            self._rules.validate(claims)
        except ExpiredTokenError as error:
            raise invalid_token("The token has expired.") from error
        except ClaimError as error:
            # It names the claim, never its value.
            raise invalid_token(
                f"The token is not for this service: {error.description}"
            ) from error
        except (JoseError, ValueError, TypeError) as error:
            raise invalid_token("The token is malformed, or its signature does not fit.") from error
        return claims

    async def _signed_claims(self, token: bytes) -> jwt.Claims:
        signed = jws.extract_compact(token, registry=self._registry)
        header = _checked(signed.headers())
        key = await self._keys.find(header.get("kid"))
        if not jws.validate_compact(signed, key, registry=self._registry):
            raise BadSignatureError
        claims: object = from_json(signed.payload)
        if not isinstance(claims, dict):
            raise TypeError("the claims are no object")
        return claims


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
