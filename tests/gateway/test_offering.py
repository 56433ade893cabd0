"""What is offered to be answered at once stands in line, and may leave it."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from buyer import Line
from starlette.types import Receive, Scope, Send
from waiting import until

from gateway.at_once import AnswerAtOnce, Arrived
from gateway.listener import listen
from gateway.offering import Offered, offering
from gateway.turns import LONG_WAIT_SECONDS, Turns

CROWD = 14
LARGE_CROWD = 30
# Longer than a slice, and together much longer than it takes a test to notice the first.
EACH_SECONDS = 0.05


class Slow:
    """Keeps the whole process busy with each that it takes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.taken: list[bytes] = []

    def may_take(self, method: bytes, url: bytes) -> bool:
        del url
        return method == b"POST"

    def take(self, arrived: Arrived, answer: AnswerAtOnce) -> bool:
        time.sleep(self._seconds)
        self.taken.append(arrived.url)
        answer(200, [(b"content-length", b"0")], b"")
        return True

    def turn_away(self, arrived: Arrived, answer: AnswerAtOnce) -> None:
        del arrived
        answer(503, [(b"content-length", b"0")], b"")


async def app(_: Scope, __: Receive, send: Send) -> None:
    """Answer what is not taken."""
    headers = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def connections(slow: Slow, count: int) -> AsyncIterator[list[Line]]:
    """So many connections to a server that offers to it."""
    config = uvicorn.Config(
        app, http=offering(slow, Turns()), ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listening:
        async with asyncio.TaskGroup() as tasks:
            serve = tasks.create_task(server._serve([listening]))
            await until(lambda: server.started or serve.done())
            pairs = [
                await asyncio.open_connection(*listening.getsockname()[:2]) for _ in range(count)
            ]
            try:
                yield [Line(*pair) for pair in pairs]
            finally:
                for _, writer in pairs:
                    writer.close()
                server.should_exit = True


async def status(line: Line, path: str) -> int:
    return (await line.send("POST", path, body={})).status


async def test_who_waits_too_long_is_turned_away_and_who_comes_meanwhile_at_once() -> None:
    slow = Slow(LONG_WAIT_SECONDS / 10)
    async with connections(slow, LARGE_CROWD + 2) as lines:
        crowd = [asyncio.create_task(status(line, "/crowd")) for line in lines[:LARGE_CROWD]]
        await until(lambda: len(slow.taken) >= 11)
        assert await status(lines[-2], "/late") == 503
        answered = await asyncio.gather(*crowd)
        # The line is short again.
        assert await status(lines[-1], "/later") == 200
    served = answered.count(200)
    assert answered == [200] * served + [503] * (LARGE_CROWD - served)
    assert 11 <= served < LARGE_CROWD
    assert slow.taken == [b"/crowd"] * served + [b"/later"]


async def test_who_leaves_the_line_is_not_served() -> None:
    slow = Slow(EACH_SECONDS)
    async with connections(slow, CROWD) as lines:
        crowd = [asyncio.create_task(status(line, f"/{n}")) for n, line in enumerate(lines)]
        await until(lambda: bool(slow.taken))
        lines[-1]._writer.transport.abort()
        served = await asyncio.gather(*crowd, return_exceptions=True)
    assert served[:-1] == [200] * (CROWD - 1)
    assert isinstance(served[-1], asyncio.IncompleteReadError | ConnectionError)
    assert slow.taken == [b"/%d" % number for number in range(CROWD - 1)]


async def test_who_sends_another_request_out_of_the_line_is_served_by_the_application() -> None:
    slow = Slow(EACH_SECONDS)
    async with connections(slow, CROWD) as lines:
        crowd = [asyncio.create_task(status(line, f"/{n}")) for n, line in enumerate(lines)]
        await until(lambda: bool(slow.taken))
        lines[-1]._writer.write(b"GET /next HTTP/1.1\r\nhost: shop\r\n\r\n")
        assert await asyncio.gather(*crowd) == [200] * (CROWD - 1) + [202]
        assert (await lines[-1]._receive()).status == 202
    assert b"/%d" % (CROWD - 1) not in slow.taken


async def test_nothing_is_kept_of_what_was_answered() -> None:
    """A gateway's busiest callers, proxies, keep a connection for days."""
    slow = Slow(0)
    async with connections(slow, 1) as (line,):
        for number in range(50):
            assert await status(line, f"/{number}") == 200
        gc.collect()
        kept = [each for each in gc.get_objects() if isinstance(each, Offered)]
    assert len(slow.taken) == 50
    assert len(kept) == 1


async def test_a_body_in_pieces_is_left_to_the_application() -> None:
    slow = Slow(0)
    async with connections(slow, 1) as (line,):
        head = b"POST /pieces HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n"
        line._writer.write(head + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
        assert (await line._receive()).status == 202
        line._writer.write(head.replace(b"pieces", b"whole") + b"2\r\n{}\r\n0\r\n\r\n")
        assert (await line._receive()).status == 200
    assert slow.taken == [b"/whole"]
