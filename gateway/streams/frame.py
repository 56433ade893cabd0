"""What goes over a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from dataclasses import dataclass, field
from random import SystemRandom
from typing import Final, TypeAlias

from pydantic_core import to_json

from gateway.representation import timestamp

# Tells states apart, and orders them: of two, the later one has the greater mark.
Mark: TypeAlias = tuple[int, int, int]
NOTHING_SEEN: Final[Mark] = (-1, -1, -1)

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryRange:
    """When a browser may come back. EventSource has no jitter of its own, so each is told its own
    time: those who were sent away together must not return together.
    """

    shortest_ms: int
    longest_ms: int

    def line(self) -> bytes:
        """The field for one browser."""
        return b"retry: %d\n" % _random.randint(self.shortest_ms, self.longest_ms)


AFTER_LOSS: Final = RetryRange(1_000, 5_000)
AFTER_BYE: Final = RetryRange(500, 5_000)
AFTER_OVERLOAD: Final = RetryRange(5_000, 30_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An event as it is written to every stream: encoded once, and the last one or not.

    `chunk` is the body as HTTP/1.1 transfers a piece of an answer (RFC 9112, section 7.1).
    """

    mark: Mark
    body: bytes
    is_last: bool
    chunk: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chunk", b"%x\r\n%b\r\n" % (len(self.body), self.body))


def block(event: bytes, data: bytes) -> bytes:
    """One event; `data` is JSON, which has no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (event, data)


def heartbeat(now_ms: int) -> bytes:
    """Proof of life: a client that hears none for long should connect anew."""
    return block(b"heartbeat", to_json({"server_time": timestamp(now_ms)}))


def bye(now_ms: int) -> bytes:
    """The server ends the stream."""
    return block(b"bye", to_json({"server_time": timestamp(now_ms)}))
