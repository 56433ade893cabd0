"""The reader of events: what is written arrives, however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbuster.client.server_sent_events import (
    MAX_EVENT_BYTES,
    Event,
    EventReader,
    EventTooLarge,
)

WRITTEN = (
    "retry: 1500\n"
    'id: 1-1\nevent: snapshot\ndata: {"sku": "\u2028é"}\n\n'
    ": a comment\n\n"
    "event: heartbeat\ndata: one\ndata: two\n\n"
    "id: 1-2\nevent: nothing-in-it\n\n"
    "data:last\n\n"
)  # fmt: skip
READ = [
    Event(id="1-1", name="snapshot", data='{"sku": "\u2028é"}'),
    Event(id="1-1", name="heartbeat", data="one\ntwo"),
    Event(id="1-2", name="message", data="last"),
]


@given(
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, len(WRITTEN.encode()) + 20), max_size=8),
)
def test_events_arrive_however_the_stream_is_cut(end: str, cuts: list[int]) -> None:
    data = WRITTEN.replace("\n", end).encode()
    reader = EventReader()
    places = [0, *sorted(cuts), len(data)]
    read = [event for start, stop in pairwise(places) for event in reader.feed(data[start:stop])]
    # A lone \r at the end may be half of a \r\n, so it waits for what comes next.
    assert read + (reader.feed(b" ") if end == "\r" else []) == READ
    assert reader.retry_ms == 1500


def test_what_is_no_stream_of_events_is_not_kept() -> None:
    with pytest.raises(EventTooLarge):
        EventReader().feed(b"x" * (MAX_EVENT_BYTES + 1))
