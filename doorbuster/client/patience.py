"""How long to try, and how long to wait in between."""

import time
from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import Final

# A gateway gives up after two seconds, and answers; whoever takes longer is not there.
ATTEMPT_SECONDS: Final = 5.0
FIRST_WAIT_SECONDS: Final = 0.1
LONGEST_WAIT_SECONDS: Final = 5.0
# A day and more: nobody who has a deadline waits that long.
MAX_RETRY_AFTER_DIGITS: Final = 6

_random = SystemRandom()


class Patience:
    """A deadline, and waits that grow and differ from caller to caller."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends_at = clock() + seconds
        self._longest = FIRST_WAIT_SECONDS

    @property
    def attempt_seconds(self) -> float:
        """How long the next attempt may take; it may be none at all."""
        return min(ATTEMPT_SECONDS, self._ends_at - self._clock())

    def wait(self, retry_after_seconds: int | None) -> float | None:
        """The seconds until the next attempt; None where there is no time left for one."""
        seconds = jittered(retry_after_seconds) if retry_after_seconds else self._growing()
        return seconds if self._clock() + seconds < self._ends_at else None

    def _growing(self) -> float:
        longest = self._longest
        self._longest = min(2 * longest, LONGEST_WAIT_SECONDS)
        return _random.uniform(0, longest)


def retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """What Retry-After says, where it says whole seconds: its other form is a date."""
    text = headers.get("retry-after", "")
    return int(text) if text.isdecimal() and len(text) <= MAX_RETRY_AFTER_DIGITS else None


def jittered(seconds: float) -> float:
    """Not less, and up to half as much more: those who were sent away return one by one."""
    return seconds * _random.uniform(1, 1.5)
