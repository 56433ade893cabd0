"""Reading and answering without a request object: bounds on bytes and time, and nobody hangs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from serving import serving
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from gateway import asgi
from gateway.asgi import MAX_BODY_BYTES, Refusing, header, read_body, send_json
from gateway.problems import Refusal

REQUEST = b"POST / HTTP/1.1\r\nhost: gateway\r\n"


def receiving(*messages: Message) -> Receive:
    left: Iterator[Message] = iter(messages)

    async def receive() -> Message:
        return next(left)

    return receive


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


# Headers


def test_a_header_is_found_by_its_name() -> None:
    scope = {"headers": [(b"host", b"gateway"), (b"if-match", b'"3"')]}
    assert header(scope, b"if-match") == b'"3"'
    assert header(scope, b"origin") is None


def test_a_header_that_stands_twice_is_refused() -> None:
    scope = {"headers": [(b"idempotency-key", b"one"), (b"idempotency-key", b"two")]}
    with pytest.raises(Refusal) as caught:
        header(scope, b"idempotency-key")
    assert caught.value.problem.code == "malformed"


# Bodies


async def test_a_body_in_parts_is_put_together() -> None:
    receive = receiving(part(b"{", more=True), part(b"", more=True), part(b"}", more=False))
    assert await read_body(receive) == b"{}"


async def test_the_largest_body_is_read() -> None:
    body = b" " * MAX_BODY_BYTES
    assert await read_body(receiving(part(body, more=False))) == body


async def test_a_larger_body_is_refused_before_the_rest_arrives() -> None:
    half = b" " * (MAX_BODY_BYTES // 2 + 1)
    receive = receiving(part(half, more=True), part(half, more=True))
    with pytest.raises(Refusal) as caught:
        await read_body(receive)
    assert caught.value.problem.code == "body-too-large"


async def test_a_slow_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_DEADLINE_SECONDS", 0.02)

    async def receive() -> Message:
        await asyncio.sleep(0.001)
        return part(b" ", more=True)

    with pytest.raises(Refusal) as caught:
        await read_body(receive)
    assert caught.value.problem.code == "body-too-slow"


async def test_a_client_that_leaves_within_the_body_ends_it() -> None:
    receive = receiving(part(b"{", more=True), {"type": "http.disconnect"})
    with pytest.raises(ClientDisconnect):
        await read_body(receive)


# On a socket


class Endpoint:
    """Answers with the body, and remembers how each request ended."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.error: BaseException | None = None

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        try:
            await send_json(send, 200, await read_body(receive))
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended.set()


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def address(endpoint: Endpoint) -> AsyncIterator[tuple[str, int]]:
    async with serving(Refusing(endpoint)) as listening:
        yield listening


async def test_an_answer_has_its_length_and_type(address: tuple[str, int]) -> None:
    request = REQUEST + b"connection: close\r\ncontent-length: 2\r\n\r\n{}"
    head, body = (await talk(address, request)).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-type: application/json" in head
    assert b"content-length: 2" in head
    assert b"transfer-encoding" not in head
    assert body == b"{}"


async def test_a_body_that_is_too_large_is_answered_and_hung_up_on(
    address: tuple[str, int],
) -> None:
    size = MAX_BODY_BYTES + 1
    request = REQUEST + b"content-length: %d\r\n\r\n" % size + b" " * size
    answer = await talk(address, request)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


async def test_a_body_that_never_comes_is_answered_and_hung_up_on(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "BODY_DEADLINE_SECONDS", 0.05)
    answer = await talk(address, REQUEST + b"content-length: 2\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408")


async def test_a_client_that_hangs_up_leaves_no_error(
    address: tuple[str, int], endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection(*address)
    writer.write(REQUEST + b"content-length: 2\r\n\r\n{")
    await writer.drain()
    writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    writer.close()
    async with asyncio.timeout(5):
        await endpoint.ended.wait()
    assert isinstance(endpoint.error, ClientDisconnect)
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


async def talk(address: tuple[str, int], request: bytes) -> bytes:
    """All that the server says until it hangs up."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer
