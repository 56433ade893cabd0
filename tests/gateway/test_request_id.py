"""What a request is called: in its answer, and in what is logged of it."""

import asyncio
import logging
import re

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from waiting import until

from gateway.listener import listen
from gateway.request_id import id_of, request_id
from gateway.server import Server

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = {b"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01".encode()}


def test_the_id_of_a_proxy_is_taken() -> None:
    assert request_id({**TRACEPARENT, b"x-request-id": b"edge-17.a_b"}) == "edge-17.a_b"


def test_else_the_id_of_the_trace() -> None:
    assert request_id({b"host": b"shop", **TRACEPARENT}) == TRACE


@pytest.mark.parametrize("harmful", [b"", b"a b", b"a\nb", b"a\xff", b"x" * 65, b'"><script>'])
def test_else_a_new_one(harmful: bytes) -> None:
    first, second = (request_id({b"x-request-id": harmful}) for _ in range(2))
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first != second


async def raising(scope: Scope, _: Receive, send: Send) -> None:
    """Answers with the id, unless it is asked for a fault."""
    if scope["path"] == "/fault":
        raise LookupError("a defect")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": id_of(scope).encode()})


async def test_it_stands_in_the_answer_and_with_what_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(raising, on_shutdown=lambda: None)
    with listen("127.0.0.1", 0) as listening:
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=base_url) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listening]))
            await until(lambda: server.started)
            answer = await client.get("/", headers={"x-request-id": "one"})
            assert (answer.headers["x-request-id"], answer.text) == ("one", "one")
            fault = await client.get("/fault", headers={"x-request-id": "two"})
            assert (fault.status_code, fault.headers["x-request-id"]) == (500, "two")
            server.should_exit = True
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert vars(record)["request"] == "two"
