"""Which key fits which token algorithm: what does not fit must stop the start, not the sale."""

from collections.abc import Iterator
from typing import Final

# RFC 7518, section 3.2: an HMAC key is at least as long as its hash.
SHORTEST_HMAC_KEY_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
PEM_MARK: Final = "-----BEGIN "


def token_contradictions(
    *, algorithm: str, key: str | None, jwks_url: str | None, demo: bool
) -> Iterator[str]:
    """Yield one sentence for each pair of token settings that cannot both be meant."""
    if key and jwks_url:
        yield "DOORBUSTER_TOKEN_KEY and DOORBUSTER_TOKEN_JWKS_URL are both set; keep one of them"
    if algorithm in SHORTEST_HMAC_KEY_BYTES:
        yield from _hmac_contradictions(algorithm, key, jwks_url)
    else:
        yield from _public_key_contradictions(algorithm, key, demo=demo)


def _hmac_contradictions(algorithm: str, key: str | None, jwks_url: str | None) -> Iterator[str]:
    shortest = SHORTEST_HMAC_KEY_BYTES[algorithm]
    if jwks_url:
        # Whoever may verify with an HMAC key may also sign: it must never come from a URL.
        yield (
            f"DOORBUSTER_TOKEN_JWKS_URL publishes public keys, and DOORBUSTER_TOKEN_ALGORITHM "
            f"{algorithm} needs a secret one; set the algorithm that your issuer signs with, "
            "such as RS256 or ES256"
        )
    if key and PEM_MARK in key:
        # The classic confusion: a public key taken as an HMAC secret lets anybody sign.
        yield (
            f"DOORBUSTER_TOKEN_KEY is a PEM key, and DOORBUSTER_TOKEN_ALGORITHM {algorithm} "
            "would take it as a secret; set the algorithm to RS256, ES256 or another of its kind"
        )
    elif key and len(key.encode()) < shortest:
        yield f"DOORBUSTER_TOKEN_KEY is shorter than the {shortest} bytes that {algorithm} needs"


def _public_key_contradictions(algorithm: str, key: str | None, *, demo: bool) -> Iterator[str]:
    if key and PEM_MARK not in key:
        yield (
            f"DOORBUSTER_TOKEN_ALGORITHM {algorithm} needs a public key in PEM, "
            "and DOORBUSTER_TOKEN_KEY is none"
        )
    if demo:
        yield (
            f"DOORBUSTER_DEMO hands out tokens, which needs a secret key; with "
            f"DOORBUSTER_TOKEN_ALGORITHM {algorithm} there is only a public one"
        )
