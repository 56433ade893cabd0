"""Tokens for trying things out are tokens like any other."""

import time

import pytest
from minting import AUDIENCE, ISSUER

from gateway.identity import StaticKey, Tokens
from gateway.identity.development import LIFETIME_SECONDS, issue
from gateway.problems import Refusal

SECRET = "s" * 64


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_development_token_is_believed_for_its_lifetime(algorithm: str) -> None:
    token = issue("ada", secret=SECRET, algorithm=algorithm, issuer=ISSUER, audience=AUDIENCE)
    assert (await tokens(algorithm, time.time()).verify(token.encode())).subject == "ada"
    with pytest.raises(Refusal, match="expired"):
        await tokens(algorithm, time.time() + LIFETIME_SECONDS + 60).verify(token.encode())


def tokens(algorithm: str, now: float) -> Tokens:
    key = StaticKey(SECRET, algorithm)
    return Tokens(key, algorithm=algorithm, issuer=ISSUER, audience=AUDIENCE, clock=lambda: now)
