"""Judges how customers' tokens are verified, beyond what stops the start."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from doorbuster.doctor.finding import Check, Finding, fault, ok, warning
from doorbuster.token_rules import SHORTEST_HMAC_KEY_BYTES
from gateway.identity import StaticKey, UnusableKey

# RFC 7518, section 3.2 asks for 32 bytes; text that people type has few different characters.
SHORTEST_SECRET_BYTES: Final = 32
FEWEST_DIFFERENT_BYTES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """The settings, as they are."""

    algorithm: str
    key: str | None
    jwks_url: str | None
    demo: bool


def token_findings(settings: TokenSettings) -> Iterator[Finding]:
    """Judge them; a gateway without a key does not start, other commands do."""
    check = Check.DOORBUSTER_TOKENS
    found = [*_key_findings(settings), *_url_findings(settings)]
    if settings.demo:
        found.append(
            warning(
                check,
                "DOORBUSTER_DEMO is on: anybody becomes a customer, and any order paid",
                "unset DOORBUSTER_DEMO wherever real goods are sold",
            )
        )
    yield from found or [ok(check, _told(settings))]


def _key_findings(settings: TokenSettings) -> Iterator[Finding]:
    check, key = Check.DOORBUSTER_TOKENS, settings.key
    if key is None:
        return
    try:
        StaticKey(key, settings.algorithm)
    except UnusableKey as error:
        remedy = "set DOORBUSTER_TOKEN_KEY and DOORBUSTER_TOKEN_ALGORITHM to what your issuer has"
        yield fault(check, str(error), remedy)
        return
    if settings.algorithm not in SHORTEST_HMAC_KEY_BYTES:
        return
    secret = key.encode()
    if len(secret) < SHORTEST_SECRET_BYTES or len(set(secret)) < FEWEST_DIFFERENT_BYTES:
        yield warning(
            check,
            "the secret that signs tokens is short, or repeats itself: it can be guessed offline "
            "from any token",
            "put the output of `openssl rand -base64 48` into a file, and name it in "
            "DOORBUSTER_TOKEN_KEY_FILE",
        )


def _url_findings(settings: TokenSettings) -> Iterator[Finding]:
    if settings.jwks_url and not settings.jwks_url.startswith("https://"):
        yield warning(
            Check.DOORBUSTER_TOKENS,
            "DOORBUSTER_TOKEN_JWKS_URL is not https: whoever sits on the way chooses the keys",
            "set it to the https URL of your issuer",
        )


def _told(settings: TokenSettings) -> str:
    if settings.jwks_url:
        return f"{settings.algorithm}, with the keys that {settings.jwks_url} publishes"
    if settings.key:
        return f"{settings.algorithm}, with a key that is set"
    return "no key is set here; a gateway needs one, and `up` makes its own"
