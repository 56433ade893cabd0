"""What was found out about a token or a key a moment ago."""

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """At most `capacity` values, each until its time; the one unused for longest goes first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[bytes, tuple[Value, float]] = OrderedDict()

    def get(self, name: bytes, now: float) -> Value | None:
        """The value, if its time is not over at `now`."""
        found = self._values.get(name)
        if found is None:
            return None
        value, until = found
        if until <= now:
            del self._values[name]
            return None
        self._values.move_to_end(name)
        return value

    def put(self, name: bytes, value: Value, until: float) -> None:
        """Remember the value; the clock is the one that `get` is asked by."""
        self._values[name] = (value, until)
        self._values.move_to_end(name)
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)
