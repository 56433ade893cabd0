"""Connections of real sockets: what they let through, and whom they leave alone."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.at_once import AnswerAtOnce, Arrived, TakesNothing
from gateway.connection import HEAD_DEADLINE_SECONDS, MAX_HEAD_BYTES
from gateway.listener import listen
from gateway.offering import offering
from gateway.turns import Turns

SECONDS = 3.0
# A head has no time to speak of.
HASTY_SECONDS = 0.2
OFFER = (
    "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAA\r\n"
)


async def echo(_: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def slow_until(event: asyncio.Event) -> ASGIApp:
    """The same, that answers no POST to /slow before the event."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await event.wait()
        await echo(scope, receive, send)

    return app


class EchoAtOnce:
    """Does as `echo`, or `slow_until`, and takes every POST."""

    def __init__(self, go_on: asyncio.Event | None) -> None:
        self._go_on = go_on
        self.taken = 0

    def may_take(self, method: bytes, url: bytes) -> bool:
        del url
        return method == b"POST"

    def take(self, arrived: Arrived, answer: AnswerAtOnce) -> bool:
        self.taken += 1
        length = (b"content-length", b"%d" % len(arrived.body))
        answer_it = partial(answer, 200, [length], arrived.body)
        if arrived.url == b"/slow" and self._go_on is not None:
            self._waiting = asyncio.create_task(self._later(self._go_on, answer_it))
        else:
            answer_it()
        return True

    def turn_away(self, arrived: Arrived, answer: AnswerAtOnce) -> None:
        raise AssertionError(f"the line is never long: {arrived}, {answer}")

    async def _later(self, go_on: asyncio.Event, answer_it: Callable[[], None]) -> None:
        await go_on.wait()
        answer_it()


@pytest.fixture(params=["application", "at once"], autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs twice: what can be taken goes to the application, or is answered at once."""
    chosen.append(request.param)
    yield request.param
    chosen.pop()


chosen: list[str] = []


@asynccontextmanager
async def connected(
    head_deadline_seconds: float = HEAD_DEADLINE_SECONDS,
    go_on: asyncio.Event | None = None,
    *,
    keep_alive_seconds: int = 75,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that echoes, on /slow after the event."""
    at_once = EchoAtOnce(go_on) if chosen[-1] == "at once" else TakesNothing()
    offers = offering(at_once, Turns())
    protocol = type("Tried", (offers,), {"head_deadline_seconds": head_deadline_seconds})
    app = slow_until(go_on) if go_on else echo
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=keep_alive_seconds,
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listening:
        async with asyncio.TaskGroup() as tasks:
            serve = tasks.create_task(server._serve([listening]))
            while not server.started and not serve.done():
                await asyncio.sleep(0.001)
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            try:
                async with asyncio.timeout(SECONDS):
                    yield reader, writer
            finally:
                writer.close()
                server.should_exit = True


def post(path: str, body: str, headers: str = "") -> bytes:
    length = f"content-length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nhost: shop\r\n{headers}{length}\r\n{body}".encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status and body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return int(head.split()[1]), (await reader.readexactly(length)).decode()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server closes."""
    with suppress(ConnectionError):
        return await reader.read()
    return b""


# An offer to speak HTTP/2 is declined without a word


@pytest.mark.parametrize("offer", [OFFER, OFFER.replace("h2c", "websocket")])
async def test_a_body_that_follows_an_offer_is_read(offer: str) -> None:
    async with connected() as (reader, writer):
        for number in range(2):
            writer.write(post("/", f"body {number}", offer))
            assert await answer(reader) == (200, f"body {number}")


async def test_a_body_that_comes_later_than_the_offer_is_read() -> None:
    whole = post("/", "a body", OFFER)
    async with connected() as (reader, writer):
        for at in range(0, len(whole), 7):
            writer.write(whole[at : at + 7])
            await asyncio.sleep(0)
        assert await answer(reader) == (200, "a body")


async def test_a_chunked_body_that_follows_an_offer_is_read() -> None:
    async with connected() as (reader, writer):
        head = f"POST / HTTP/1.1\r\nhost: shop\r\n{OFFER}transfer-encoding: chunked\r\n\r\n"
        writer.write(head.encode() + b"6\r\na body\r\n0\r\n\r\n")
        assert await answer(reader) == (200, "a body")


async def test_whoever_offers_and_wants_to_leave_may() -> None:
    async with connected() as (reader, writer):
        writer.write(post("/", "a body", OFFER.replace("Upgrade,", "close, Upgrade,")))
        assert await answer(reader) == (200, "a body")
        assert await rest(reader) == b""


async def test_an_offer_is_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    async with connected() as (reader, writer):
        writer.write(post("/", "a body", OFFER))
        await answer(reader)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


async def test_a_heap_of_offers_is_refused() -> None:
    async with connected() as (reader, writer):
        writer.write(post("/", "a body", OFFER) * 2000)
        assert (await rest(reader)).count(b"HTTP/1.1") <= 1


async def test_nobody_is_connected_to_somewhere_else() -> None:
    async with connected() as (reader, writer):
        writer.write(b"CONNECT shop:443 HTTP/1.1\r\nhost: shop\r\n\r\n")
        assert (await answer(reader))[0] == 400


# A connection is kept for a while, which begins anew with each answer


async def test_a_connection_that_rests_is_closed() -> None:
    async with connected(keep_alive_seconds=1) as (reader, writer):
        for _ in range(4):
            writer.write(post("/", "a body"))
            assert await answer(reader) == (200, "a body")
            answered = time.monotonic()
            await asyncio.sleep(0.6)
        assert await rest(reader) == b""
        assert 0.9 < time.monotonic() - answered < 3


async def test_whoever_is_answered_late_has_not_rested() -> None:
    go_on = asyncio.Event()
    async with connected(go_on=go_on, keep_alive_seconds=1) as (reader, writer):
        writer.write(post("/", "first"))
        assert await answer(reader) == (200, "first")
        writer.write(post("/slow", "slow"))
        await asyncio.sleep(1.5)
        go_on.set()
        assert await answer(reader) == (200, "slow")
        await asyncio.sleep(0.5)
        writer.write(post("/", "last"))
        assert await answer(reader) == (200, "last")


# A head is bounded, in bytes and in time


async def test_a_head_without_end_is_cut_off() -> None:
    async with connected() as (reader, writer):
        answered = asyncio.create_task(answer(reader))
        writer.write(b"GET / HTTP/1.1\r\nx: ")
        sent = 0
        while not answered.done() and sent < 100 * MAX_HEAD_BYTES:
            writer.write(b"x" * 8192)
            sent += 8192
            await asyncio.sleep(0.001)
        status, body = await answered
        assert (status, json.loads(body)["code"]) == (400, "malformed")
        assert sent < 50 * MAX_HEAD_BYTES


async def test_a_head_in_pieces_is_read() -> None:
    async with connected() as (reader, writer):
        for piece in (
            b"POST / HT",
            b"TP/1.1\r\nhos",
            b"t: shop\r\ncontent-length: 2\r\n\r",
            b"\nok",
        ):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        assert await answer(reader) == (200, "ok")


@pytest.mark.parametrize("piece", [b"", b"GET / HTTP/1.1\r\nhost: sh"])
async def test_a_head_that_does_not_come_is_not_waited_for(piece: bytes) -> None:
    async with connected(HASTY_SECONDS) as (reader, writer):
        writer.write(piece)
        assert await rest(reader) == b""


async def test_a_later_head_is_not_waited_for_either() -> None:
    async with connected(HASTY_SECONDS) as (reader, writer):
        writer.write(post("/", "ok"))
        assert await answer(reader) == (200, "ok")
        writer.write(b"GET / HT")
        assert await rest(reader) == b""


async def test_whoever_is_done_with_the_head_has_all_the_time() -> None:
    async with connected(HASTY_SECONDS) as (reader, writer):
        whole = post("/", "ok")
        writer.write(whole[:-2])
        await asyncio.sleep(3 * HASTY_SECONDS)
        writer.write(whole[-2:])
        assert await answer(reader) == (200, "ok")
        await asyncio.sleep(3 * HASTY_SECONDS)
        writer.write(whole)
        assert await answer(reader) == (200, "ok")


# What is no HTTP


async def test_what_is_no_http_is_a_problem_like_any_other() -> None:
    async with connected() as (reader, writer):
        writer.write(b"BUY / HTTP/1.1\r\n\r\n")
        heard = await rest(reader)
        head, _, body = heard.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"\r\ncontent-type: application/problem+json" in head
        assert b"\r\nconnection: close" in head
        assert json.loads(body)["code"] == "malformed"


async def test_what_follows_a_request_does_not_answer_it() -> None:
    go_on = asyncio.Event()
    async with connected(go_on=go_on) as (reader, writer):
        writer.write(post("/slow", "bought") + b"BUY / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
        go_on.set()
        assert await answer(reader) == (200, "bought")
        assert await rest(reader) == b""


async def test_a_broken_body_does_not_answer_the_request_before_it() -> None:
    go_on = asyncio.Event()
    broken = b"POST / HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
    async with connected(go_on=go_on) as (reader, writer):
        writer.write(post("/slow", "bought") + broken)
        assert await rest(reader) == b""
        go_on.set()


async def test_a_broken_body_is_answered() -> None:
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
        assert (await answer(reader))[0] == 400
        assert await rest(reader) == b""


# Whoever sends the next request before the last one was answered is answered in order


async def test_requests_that_come_together_are_answered_in_their_order() -> None:
    go_on = asyncio.Event()
    async with connected(go_on=go_on) as (reader, writer):
        writer.write(
            b"".join(post("/slow", f"slow {n}") + post("/", f"fast {n}") for n in range(3))
        )
        await asyncio.sleep(0.05)
        go_on.set()
        for n in range(3):
            assert await answer(reader) == (200, f"slow {n}")
            assert await answer(reader) == (200, f"fast {n}")


async def test_a_request_that_comes_before_the_last_was_answered_waits_for_it() -> None:
    go_on = asyncio.Event()
    async with connected(go_on=go_on) as (reader, writer):
        writer.write(post("/slow", "first"))
        await asyncio.sleep(0.05)
        writer.write(post("/", "second"))
        await asyncio.sleep(0.05)
        go_on.set()
        assert await answer(reader) == (200, "first")
        assert await answer(reader) == (200, "second")


async def test_a_request_in_pieces_is_answered_whole() -> None:
    whole = post("/", "a body that comes in pieces")
    async with connected() as (reader, writer):
        for size in (1, 7, 40, len(whole) - 3):
            for at in range(0, len(whole), size):
                writer.write(whole[at : at + size])
                await asyncio.sleep(0.001)
            assert await answer(reader) == (200, "a body that comes in pieces")


async def test_whoever_leaves_before_the_answer_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    go_on = asyncio.Event()
    async with connected(go_on=go_on) as (_, writer):
        writer.write(post("/slow", "bought"))
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
        go_on.set()
        await asyncio.sleep(0.05)
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


async def test_whoever_asks_to_be_closed_is_closed_after_the_answer() -> None:
    async with connected() as (reader, writer):
        writer.write(post("/", "bye", "connection: close\r\n"))
        assert await answer(reader) == (200, "bye")
        assert await rest(reader) == b""


async def test_a_client_that_waits_for_100_is_told_to_go_on() -> None:
    whole = post("/", "a body", "expect: 100-continue\r\n")
    async with connected() as (reader, writer):
        writer.write(whole[:-6])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(whole[-6:])
        assert await answer(reader) == (200, "a body")


async def test_answers_that_nobody_reads_do_not_pile_up() -> None:
    """A client that only ever sends is not read any more, once its answers fill its buffers."""
    body = "x" * 16_000
    async with connected() as (_, writer):
        for _ in range(2000):
            writer.write(post("/", body))
            try:
                async with asyncio.timeout(0.5):
                    await writer.drain()
            except TimeoutError:
                writer.transport.abort()  # what was not sent would keep it open
                return
        pytest.fail("32 MB were taken from a client that reads nothing")
