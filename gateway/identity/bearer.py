"""The credentials of a request: `Authorization: Bearer ...` (RFC 6750), and nothing else."""

from dataclasses import replace
from typing import Final

from gateway.problems import UNAUTHENTICATED, Refusal

# Nothing longer is parsed, hashed or verified. Tokens that carry a whole profile have 2 KB.
MAX_TOKEN_BYTES: Final = 8 * 1024


def bearer(authorization: bytes | None) -> bytes:
    """The token or key that the header brings. Raises a Refusal if it brings none."""
    if authorization is None:
        raise Refusal(UNAUTHENTICATED.because("The Authorization header is missing."))
    scheme, _, rest = authorization.partition(b" ")
    token = rest.strip()
    if scheme.lower() != b"bearer" or not token:
        raise Refusal(UNAUTHENTICATED.because("The Authorization header holds no bearer token."))
    if len(token) > MAX_TOKEN_BYTES:
        raise invalid_token(f"The token is longer than {MAX_TOKEN_BYTES} bytes.")
    return token


def invalid_token(detail: str) -> Refusal:
    """The refusal of a token that was brought, as RFC 6750, section 3.1 words it.

    `detail` must not repeat anything of the token: responses are logged.
    """
    told = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
    return Refusal(replace(UNAUTHENTICATED.because(detail), headers=told))
