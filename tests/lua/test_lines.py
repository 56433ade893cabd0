"""Lines travel as text and come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lua.lines import Line, decode, encode

SKUS = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
LINES = st.builds(Line, sku=SKUS, quantity=st.integers(1, 10**6), unit_price=st.integers(0, 10**12))


@given(st.lists(LINES, min_size=1, max_size=10))
def test_what_was_encoded_is_decoded(lines: list[Line]) -> None:
    assert decode(encode(lines)) == tuple(lines)


def test_the_text_is_short_and_has_no_escapes() -> None:
    lines = [
        Line(sku="LAMP-1", quantity=2, unit_price=1999),
        Line(sku="mug_2.0", quantity=1, unit_price=0),
    ]
    assert encode(lines) == "LAMP-1:2:1999;mug_2.0:1:0"


@pytest.mark.parametrize(
    "text", ["", "LAMP-1", "LAMP-1:2", "LAMP-1:2:3:4", "LAMP-1:two:3", "A:1:2;"]
)
def test_what_is_no_line_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (its messages are Python's own)
        decode(text)
