"""Token settings that start a gateway and are dangerous all the same."""

from typing import Any

import pytest

from doorbuster.doctor.finding import Severity
from doorbuster.doctor.token_checks import TokenSettings, token_findings

OK, WARNING, FAULT = Severity.OK, Severity.WARNING, Severity.FAULT
SECRET = "Kx8mB2vQpL5tR9wY3nC7jH1fD6sG4zA0eU"


def judged(**changes: Any) -> list[Severity]:
    well: dict[str, Any] = {"algorithm": "HS256", "key": SECRET, "jwks_url": None, "demo": False}
    return [each.severity for each in token_findings(TokenSettings(**(well | changes)))]


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # what this is about
@pytest.mark.parametrize(
    ("key", "severity"),
    [
        (SECRET, OK),
        (SECRET[:32], OK),
        (SECRET[:31], WARNING),
        ("secret" * 8, WARNING),
        ("0123456789a" * 3, WARNING),
        ("0123456789ab" * 3, OK),
        (None, OK),
    ],
)
def test_a_secret_that_can_be_guessed_is_a_warning(key: str | None, severity: Severity) -> None:
    assert judged(key=key) == [severity]


def test_a_key_that_does_not_fit_the_algorithm_is_a_fault() -> None:
    broken = "-----BEGIN PUBLIC KEY-----\nbroken\n-----END PUBLIC KEY-----"
    assert judged(algorithm="RS256", key=broken) == [FAULT]


def test_keys_over_plain_http_are_a_warning() -> None:
    assert judged(key=None, jwks_url="https://issuer.example/keys") == [OK]
    assert judged(key=None, jwks_url="http://issuer.example/keys") == [WARNING]


def test_the_demo_is_a_warning() -> None:
    assert judged(demo=True) == [WARNING]


@pytest.mark.parametrize(
    ("key", "jwks_url", "told"),
    [
        (None, "https://issuer.example/keys", "that https://issuer.example/keys publishes"),
        (SECRET, None, "with a key that is set"),
        (None, None, "no key is set here"),
    ],
)
def test_what_verifies_tokens_is_told(key: str | None, jwks_url: str | None, told: str) -> None:
    settings = TokenSettings(algorithm="HS256", key=key, jwks_url=jwks_url, demo=False)
    assert told in next(token_findings(settings)).what


def test_the_secret_is_never_told() -> None:
    settings = TokenSettings(algorithm="HS256", key=SECRET, jwks_url=None, demo=True)
    assert SECRET not in str(list(token_findings(settings)))
