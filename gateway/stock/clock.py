"""The Redis clock, seen from here."""

import time


class RedisClock:
    """Runs on between two readings of the Redis clock; never ahead of it, as long as it is steady.

    Redis read its clock before we had the answer, so counting from the answer gives a time that
    is late by at most the answer's way. Early would be worse: a sale that is shown as open would
    turn its first buyers away.
    """

    def __init__(self) -> None:
        self._ahead_ms: float | None = None

    def learn(self, now_ms: int) -> None:
        """Call this as soon as Redis answered with its time."""
        self._ahead_ms = now_ms - _monotonic_ms()

    def now_ms(self) -> int:
        """Now, in milliseconds since 1970; this machine's own time until Redis was read once."""
        if self._ahead_ms is None:
            return time.time_ns() // 1_000_000
        return int(_monotonic_ms() + self._ahead_ms)


def _monotonic_ms() -> float:
    return time.monotonic() * 1000
