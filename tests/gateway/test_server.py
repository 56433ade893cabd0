"""How the server of a gateway stops."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from waiting import until

from gateway import server as server_module
from gateway.at_once import AnswerAtOnce, Arrived
from gateway.listener import listen
from gateway.server import Server


class App:
    """Notes what happens; a request for `/slow` ends when `finish` is set."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.finish = asyncio.Event()

    def note(self, event: str) -> Callable[[], None]:
        """What to call when it happens."""
        return lambda: self.events.append(event)

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer, with nothing in it."""
        self.events.append(scope["path"])
        if scope["path"] == "/slow":
            await self.finish.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


class AtOnce:
    """Answers POST before the app sees it."""

    def may_take(self, method: bytes, url: bytes) -> bool:
        del url
        return method == b"POST"

    def take(self, arrived: Arrived, answer: AnswerAtOnce) -> bool:
        del arrived
        answer(204, [], b"")
        return True

    def turn_away(self, arrived: Arrived, answer: AnswerAtOnce) -> None:
        raise AssertionError(f"the line is never long: {arrived}, {answer}")


@asynccontextmanager
async def serving(app: App, *, drain_seconds: float = 0) -> AsyncIterator[httpx.AsyncClient]:
    """Serve until the block has stopped it by a signal."""
    server = Server(
        app,
        AtOnce(),
        before_drain=app.note("unready"),
        drain_seconds=drain_seconds,
        on_shutdown=app.note("shutdown"),
    )
    listening = listen("127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with asyncio.TaskGroup() as tasks, httpx.AsyncClient(base_url=base_url) as client:
        stopped = tasks.create_task(server.serve([listening]))
        await until(lambda: server.started)
        yield client
        async with asyncio.timeout(5):
            await stopped


def terminate() -> None:
    """What an orchestrator sends."""
    os.kill(os.getpid(), signal.SIGTERM)


async def test_it_serves_on_until_it_was_taken_out_of_service() -> None:
    app = App()
    async with serving(app, drain_seconds=0.5) as client:
        terminate()
        await until(lambda: "unready" in app.events)
        assert (await client.get("/late")).status_code == 204
        assert "shutdown" not in app.events
    assert app.events == ["unready", "/late", "shutdown"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_keeps_a_connection_is_told_to_make_another_one(method: str) -> None:
    """Whether the application answers, or what is asked before it."""
    app = App()
    async with serving(app, drain_seconds=0.5) as client:
        assert "connection" not in (await client.request(method, "/")).headers
        terminate()
        await until(lambda: "unready" in app.events)
        assert (await client.request(method, "/late")).headers["connection"] == "close"


async def test_who_came_last_is_heard() -> None:
    """Their connection was taken before the end, their request comes after it."""
    app = App()
    async with serving(app) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        for _ in range(10):  # it is let in by this very event loop, in less turns than that
            await asyncio.sleep(0)
        terminate()
        await until(lambda: "shutdown" in app.events)
        writer.write(b"GET /last HTTP/1.1\r\nhost: shop\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"204"
        writer.close()


async def test_what_is_being_answered_is_finished() -> None:
    app = App()
    async with serving(app) as client:
        answer = asyncio.create_task(client.get("/slow"))
        await until(lambda: "/slow" in app.events)
        terminate()
        await until(lambda: "shutdown" in app.events)
        app.finish.set()
        assert (await answer).status_code == 204


async def test_nobody_can_hold_it_up_for_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "GRACE_SECONDS", 1)
    app = App()
    async with serving(app) as client:
        answer = asyncio.create_task(client.get("/slow"))
        await until(lambda: "/slow" in app.events)
        began = time.monotonic()
        terminate()
        assert (await answer).status_code == 500
    assert time.monotonic() - began < 3
    assert "timeout graceful shutdown exceeded" in caplog.text


async def test_the_second_ctrl_c_does_not_wait() -> None:
    app = App()
    async with serving(app, drain_seconds=1000) as client:
        await client.get("/")
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
    assert app.events == ["/", "unready", "shutdown"]


async def test_it_does_not_tell_what_it_is() -> None:
    app = App()
    async with serving(app) as client:
        assert "server" not in (await client.get("/")).headers
        terminate()
