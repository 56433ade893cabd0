"""Tokens for trying things out: a shop's own issuer makes the real ones."""

import time
from typing import Final

from joserfc import jwt
from joserfc.jwk import OctKey

LIFETIME_SECONDS: Final = 24 * 60 * 60


def issue(
    subject: str,
    *,
    secret: str,
    algorithm: str,
    issuer: str,
    audience: str,
    lifetime_seconds: int = LIFETIME_SECONDS,
) -> str:
    """A token for that customer, signed with the HMAC secret that the gateway verifies with."""
    now = int(time.time())
    claims: jwt.Claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now,
        "exp": now + lifetime_seconds,
    }
    return jwt.encode({"alg": algorithm}, claims, OctKey.import_key(secret), [algorithm])
