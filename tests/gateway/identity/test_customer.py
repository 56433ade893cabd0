"""What stands for a customer where their name must not go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity import Customer

TEXT = st.text("ab/:é🛒", max_size=6)


def digest(issuer: str, subject: str) -> str:
    return Customer(issuer=issuer, subject=subject).digest


def test_the_digest_stays_the_same_for_ever() -> None:
    # It stands in Redis and in the ledger: if this changes, every customer is a new one.
    assert digest("https://shop.example", "ada") == "lI4tznM9TG2yXAXyOaafow"


@pytest.mark.parametrize(
    ("issuer", "subject"), [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")]
)
def test_the_border_between_issuer_and_subject_counts(issuer: str, subject: str) -> None:
    others = {("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")} - {(issuer, subject)}
    assert digest(issuer, subject) not in {digest(*other) for other in others}


@given(TEXT, TEXT, TEXT, TEXT)
def test_two_customers_share_no_digest(a: str, b: str, c: str, d: str) -> None:
    assert (digest(a, b) == digest(c, d)) == ((a, b) == (c, d))


@given(st.text(max_size=255))
def test_a_digest_is_twenty_two_characters_that_any_key_name_can_hold(subject: str) -> None:
    text = digest("issuer", subject)
    assert len(text) == 22
    assert text.replace("-", "").replace("_", "").isalnum()
    assert text.isascii()
