"""What is answered without a task of its own, and so without ASGI: the one hot route.

A cycle of ASGI, and the layers of an application, cost more than all that a checkout needs. So
`gateway.connection` offers requests here that have arrived whole and ask for nothing unusual. What
is not taken goes to the application, and what is taken is answered as the application would, byte
for byte.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from starlette.types import Scope

from gateway.problems import HeaderLine

# Status, header lines and body.
AnswerAtOnce: TypeAlias = Callable[[int, list[HeaderLine], bytes], None]


class AnswersAtOnce(Protocol):
    """What requests are offered to."""

    def may_take(self, method: bytes, url: bytes) -> bool:
        """Whether a request that begins so can be taken at all."""

    def take(self, url: bytes, scope: Scope, body: bytes, answer: AnswerAtOnce) -> bool:
        """Have it answered, now or later, once; False: nothing was done, ask the application.

        Of the scope there are headers and extensions.
        """


class TakesNothing:
    """Leaves every request to the application."""

    def may_take(self, method: bytes, url: bytes) -> bool:
        """Never."""
        del method, url
        return False

    def take(self, url: bytes, scope: Scope, body: bytes, answer: AnswerAtOnce) -> bool:
        """Never."""
        del url, scope, body, answer
        return False
