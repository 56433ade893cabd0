"""What is answered without a task of its own, and so without ASGI: the one hot route.

A cycle of ASGI, and the layers of an application, cost more than all that a checkout needs. So
`gateway.connection` offers requests here that have arrived whole and ask for nothing unusual. What
is not taken goes to the application, and what is taken is answered as the application would, byte
for byte.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from gateway.problems import HeaderLine

# Status, header lines and body.
AnswerAtOnce: TypeAlias = Callable[[int, list[HeaderLine], bytes], None]


class Arrived(Protocol):
    """A request that is here whole; `id` is what it is called in logs.

    `at` is when its head came, as `perf_counter()` tells it. The names of headers are in lower
    case, and none stands twice.
    """

    id: str
    at: float
    url: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


class AnswersAtOnce(Protocol):
    """What requests are offered to."""

    def may_take(self, method: bytes, url: bytes) -> bool:
        """Whether a request that begins so can be taken at all."""

    def take(self, arrived: Arrived, answer: AnswerAtOnce) -> bool:
        """Have it answered, now or later, once; False: nothing was done, ask the application."""

    def turn_away(self, arrived: Arrived, answer: AnswerAtOnce) -> None:
        """Answer that too many came before it: nothing is done."""


class TakesNothing:
    """Leaves every request to the application."""

    def may_take(self, method: bytes, url: bytes) -> bool:
        """Never."""
        del method, url
        return False

    def take(self, arrived: Arrived, answer: AnswerAtOnce) -> bool:
        """Never."""
        del arrived, answer
        return False

    def turn_away(self, arrived: Arrived, answer: AnswerAtOnce) -> None:
        """Nobody is in line."""
