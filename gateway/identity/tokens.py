"""The tokens of the shop's customers: signed JWTs (RFC 7519), verified by joserfc."""

import re
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from pydantic_core import from_json

from gateway.identity.bearer import invalid_token
from gateway.identity.customer import Customer
from gateway.identity.remembered import Remembered
from gateway.identity.signatures import Keys, Signatures
from gateway.problems import Refusal

# The clocks of the issuer and of this host may differ by so much.
LEEWAY_SECONDS: Final = 5
# A customer sends the same token with every click, and verifying it costs as much as the rest of
# the request. Not for longer, so that a key that the issuer took back is soon worth nothing.
REMEMBERED_SECONDS: Final = 60.0
# About 400 bytes each.
REMEMBERED_TOKENS: Final = 32_768

# Postgres cannot store U+0000, and the other control characters only garble logs. Lone surrogates,
# which have no UTF-8, are refused as JSON already.
_SUBJECT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,255}")


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
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._signatures = Signatures(keys, algorithm)
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
        customer = self.verify_at_once(token)
        if customer is None:
            try:
                payload = await self._signatures.payload(token)
                customer = self._remember(_name_of(token), payload)
            except _FAULTS as fault:
                raise _refusal(fault) from fault
        return customer

    def verify_at_once(self, token: bytes) -> Customer | None:
        """The same, without waiting; None where only `verify` can tell."""
        name = _name_of(token)
        customer = self._verified.get(name, self._clock())
        if customer is None:
            try:
                payload = self._signatures.payload_at_once(token)
                if payload is not None:
                    customer = self._remember(name, payload)
            except _FAULTS as fault:
                raise _refusal(fault) from fault
        return customer

    def _remember(self, name: bytes, payload: bytes) -> Customer:
        claims = self._checked(payload)
        subject: str = claims["sub"]
        if not _SUBJECT.fullmatch(subject):
            raise invalid_token("The token's sub is empty, too long or not storable.")
        customer = Customer(issuer=self._issuer, subject=subject)
        expires = min(claims["exp"] + LEEWAY_SECONDS, self._clock() + REMEMBERED_SECONDS)
        self._verified.put(name, customer, expires)
        return customer

    def _checked(self, payload: bytes) -> jwt.Claims:
        claims: object = from_json(payload)
        if not isinstance(claims, dict):
            raise TypeError("the claims are no object")
        if not self._is_plainly_good(claims):
            self._rules.validate(claims)
        return claims

    def _is_plainly_good(self, claims: jwt.Claims) -> bool:
        """Whether these are claims as most issuers write them, in which nothing is wrong.

        joserfc would say the same, at several times the cost; what is not plain it decides alone.
        """
        now = int(self._clock())
        return (
            claims.get("iss") == self._issuer != ""
            and claims.get("aud") == self._audience != ""
            and type(claims.get("sub")) is str
            and claims["sub"] != ""
            and type(claims.get("exp")) is int
            and claims["exp"] > now - LEEWAY_SECONDS
            and _is_past(claims.get("nbf", 0), now)
            and _is_past(claims.get("iat", 0), now)
            and type(claims.get("jti", "")) is str
        )


def _is_past(time_of_claim: object, now: int) -> bool:
    return type(time_of_claim) is int and time_of_claim <= now + LEEWAY_SECONDS


def _name_of(token: bytes) -> bytes:
    # By digest, so that a long token costs no more than a short one, and none stays in memory.
    return sha256(token).digest()


# What joserfc and pydantic raise for a token that is not good.
_FAULTS: Final = (JoseError, ValueError, TypeError)


def _refusal(fault: Exception) -> Refusal:
    match fault:
        case ExpiredTokenError():
            return invalid_token("The token has expired.")
        case ClaimError(description=description):
            # It names the claim, never its value.
            return invalid_token(f"The token is not for this service: {description}")
    return invalid_token("The token is malformed, or its signature does not fit.")
