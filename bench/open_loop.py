"""An open loop: requests leave at their time, whether or not the ones before are answered.

Latency counts from the time at which a request should have left. A closed loop waits while the
server is slow, and so leaves out the very requests that would have been slow (coordinated
omission).
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, cast

from bench.wrk import PATH

# Enough that a server which answers within a second never has to wait for a free connection.
CONNECTIONS: Final = 512
# What was not answered so long after the last request left is counted as unanswered.
PATIENCE_SECONDS: Final = 3.0
# What each connection is used for before anything is measured.
_HELLO: Final = b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n"
_BODY: Final = b'{"lines":[{"sku":"LAMP-1","quantity":1}]}'


@dataclass(slots=True, kw_only=True)
class Answers:
    """What came back: status, and seconds from due to answered.

    `seconds` is how long was sent, and `lasted_seconds` how long it took until the last answer.
    """

    sent: int = 0
    turned_away: int = 0
    seconds: float = 0.0
    lasted_seconds: float = 0.0
    answered: list[tuple[int, float]] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[int]:
        """How often each status came back."""
        return Counter(status for status, _ in self.answered)

    @property
    def unanswered(self) -> int:
        """Those whose answer nobody waited for any longer."""
        return self.sent - self.turned_away - len(self.answered)

    def of_status(self, status: int) -> list[float]:
        """The latencies of the answers of this status."""
        return [seconds for each, seconds in self.answered if each == status]

    def percentile_ms(self, share: float) -> float:
        """The latency that this share of the requests did not exceed; unanswered ones count."""
        waited = sorted(seconds for _, seconds in self.answered)
        waited += [PATIENCE_SECONDS] * self.unanswered
        return 1000 * waited[min(len(waited) - 1, int(share * len(waited)))]


def checkouts(tokens: list[bytes], prefix: str) -> Iterator[bytes]:
    """A checkout of each token, as it goes over the wire."""
    head = b"POST %b HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n" % PATH.encode()
    tail = b"\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
    for number, token in enumerate(tokens):
        key = b"%b%d" % (prefix.encode(), number)
        yield b"%bAuthorization: Bearer %b\r\nIdempotency-Key: %b%b" % (head, token, key, tail)


async def send(
    address: tuple[str, int],
    requests: Iterator[bytes],
    *,
    per_second: float,
    seconds: float,
    longest_line: int | None = None,
    connections: int = CONNECTIONS,
) -> Answers:
    """Send so many a second for so long, evenly, and wait for the answers.

    Whoever finds no free connection waits in line, or is turned away where that is full. All
    connections were used once before: a server that has little time needs seconds to accept them,
    and a load balancer keeps them.
    """
    answers = Answers()
    crowd = _Crowd(answers, longest_line)
    await crowd.connect(address, connections)
    began = time.monotonic()
    due = began
    for request in requests:
        if due - began >= seconds:
            break
        if (early := due - time.monotonic()) > 0:
            await asyncio.sleep(early)
        answers.sent += 1
        crowd.send(request, due)
        due += 1 / per_second
    # A generator that is too slow sends for longer, and so less a second than it was asked for.
    answers.seconds = max(time.monotonic() - began, due - began)
    answers.lasted_seconds = max(await crowd.finish() - began, answers.seconds)
    return answers


class _Crowd:
    """The connections; who finds none free waits in line, and its time runs on."""

    def __init__(self, answers: Answers, longest_line: int | None) -> None:
        self._answers = answers
        self._longest_line = longest_line
        self._free: deque[_Client] = deque()
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._clients: list[_Client] = []
        self._last_at = 0.0

    async def connect(self, address: tuple[str, int], count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, client = await loop.create_connection(lambda: _Client(self), *address)
            self._clients.append(client)
        await asyncio.gather(*(client.ask(_HELLO) for client in self._clients))
        self._free.extend(self._clients)

    def send(self, request: bytes, due: float) -> None:
        if self._free:
            self._free.popleft().send(request, due)
        elif self._longest_line is None or len(self._waiting) < self._longest_line:
            self._waiting.append((request, due))
        else:
            self._answers.turned_away += 1

    def answered(self, client: "_Client", status: int, seconds: float) -> None:
        self._answers.answered.append((status, seconds))
        self._last_at = time.monotonic()
        if self._waiting:
            client.send(*self._waiting.popleft())
        else:
            self._free.append(client)

    async def finish(self) -> float:
        """Wait for the answers; returns when the last one came."""
        until = time.monotonic() + PATIENCE_SECONDS
        while self._answers.unanswered and time.monotonic() < until:
            await asyncio.sleep(0.01)
        for client in self._clients:
            client.transport.abort()
        return self._last_at


class _Client(asyncio.Protocol):
    """One connection, one request at a time; an answer has a Content-Length."""

    transport: asyncio.Transport

    def __init__(self, crowd: _Crowd) -> None:
        self._crowd = crowd
        self._due = 0.0
        self._received = b""
        self._asked: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> None:
        """Send it, and wait for an answer that nobody counts."""
        self._asked = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self._asked

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= _length(head):
            self._received = b""
            if self._asked is not None:
                self._asked.set_result(None)
                self._asked = None
                return
            self._crowd.answered(self, int(head[9:12]), time.monotonic() - self._due)


def _length(head: bytes) -> int:
    after = head.lower().partition(b"content-length:")[2]
    return int(after.partition(b"\r\n")[0])
