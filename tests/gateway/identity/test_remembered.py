"""A bounded memory in which every value has its time."""

from gateway.identity.remembered import Remembered


def test_a_value_is_remembered_until_its_time() -> None:
    remembered = Remembered[str](2)
    remembered.put(b"a", "A", until=10.0)
    assert remembered.get(b"a", 9.9) == "A"
    assert remembered.get(b"a", 10.0) is None
    assert remembered.get(b"a", 9.9) is None, "what is over is forgotten"


def test_the_one_unused_for_longest_makes_room() -> None:
    remembered = Remembered[str](2)
    remembered.put(b"a", "A", until=10.0)
    remembered.put(b"b", "B", until=10.0)
    remembered.get(b"a", 0.0)
    remembered.put(b"c", "C", until=10.0)
    assert remembered.get(b"b", 0.0) is None
    assert remembered.get(b"a", 0.0) == "A"
    assert remembered.get(b"c", 0.0) == "C"


def test_a_value_that_is_told_again_takes_no_room_of_another() -> None:
    remembered = Remembered[str](2)
    for until in (10.0, 20.0, 30.0):
        remembered.put(b"a", "A", until=until)
    remembered.put(b"b", "B", until=10.0)
    assert remembered.get(b"a", 25.0) == "A"
