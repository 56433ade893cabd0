"""The JSON of a reservation, and of times."""

import json
import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from gateway.representation import Reservation, timestamp
from lua.lines import Line

RESERVATION = Reservation(
    id=UUID("1a79668e-d2b3-8557-bd41-21a782a33034"),
    sale_id="friday",
    state="held",
    lines=(
        Line(sku="LAMP-1", quantity=1, unit_price=1999),
        Line(sku="MUG", quantity=3, unit_price=250),
    ),
    currency="EUR",
    durability="fsync",
    version=17,
    created_at_ms=1_795_770_000_007,
    expires_at_ms=1_795_770_600_007,
)


def test_a_reservation_is_told_whole() -> None:
    assert json.loads(RESERVATION.to_json(1_795_770_001_250)) == {
        "id": "1a79668e-d2b3-8557-bd41-21a782a33034",
        "sale_id": "friday",
        "state": "held",
        "lines": [
            {"sku": "LAMP-1", "quantity": 1, "unit_price": 1999},
            {"sku": "MUG", "quantity": 3, "unit_price": 250},
        ],
        "total": 2749,
        "currency": "EUR",
        "durability": "fsync",
        "version": 17,
        "created_at": "2026-11-27T09:00:00.007Z",
        "expires_at": "2026-11-27T09:10:00.007Z",
        "server_time": "2026-11-27T09:00:01.250Z",
    }


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_000, "1970-01-01T00:00:01.000Z"),
        (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (4_102_444_800_050, "2100-01-01T00:00:00.050Z"),
    ],
)
def test_a_time_is_utc_with_milliseconds(at_ms: int, text: str) -> None:
    assert timestamp(at_ms) == text


def test_a_time_does_not_depend_on_where_the_server_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert timestamp(1_234_567_890_123) == "2009-02-13T23:31:30.123Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.integers(0, 253_402_300_799_999))
def test_no_millisecond_is_lost(at_ms: int) -> None:
    parsed = datetime.fromisoformat(timestamp(at_ms))
    assert parsed.tzinfo == UTC
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert round((parsed - epoch).total_seconds() * 1000) == at_ms


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(words, words, words, words, st.lists(st.integers(0, 10**12), max_size=3))
def test_it_is_encoded_as_any_json_is(
    sale_id: str, state: str, sku: str, currency: str, numbers: list[int]
) -> None:
    """Whatever may stand in it: the pieces are put together by hand."""
    lines = tuple(Line(sku=sku, quantity=number, unit_price=7) for number in numbers)
    odd = RESERVATION._replace(
        sale_id=sale_id,
        state=state,
        lines=lines,
        currency=currency,
        durability=sku,
        replaced_by=RESERVATION.id if numbers else None,
    )
    assert odd.to_json(5) == to_json(odd.document(5))
