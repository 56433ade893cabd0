"""docs/operations/alarms.md names every kind of alarm and of parked record that there is."""

from documents import PROJECT, Document

from sql.alarms import AlarmKind
from sql.parking import ParkedKind

PAGE = Document(PROJECT / "docs/operations/alarms.md")
# What the migration calls those that were raised before there were kinds.
EARLIER = "earlier"


def test_every_kind_of_alarm_is_explained() -> None:
    assert PAGE.first_column("What each alarm means") == set(AlarmKind) | {EARLIER}


def test_every_kind_of_parked_record_is_explained() -> None:
    assert PAGE.first_column("Parked records") == set(ParkedKind)
