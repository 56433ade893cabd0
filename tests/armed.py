"""`python armed.py POINT COUNT ARGUMENTS...`: a doorbuster process that dies at a named point.

The points are the doors through which a process has any effect: each script and command of Redis,
each transaction and statement of the ledger, each answer to a request, just before and just after.
So nothing is needed in the program itself, and no effect has happened between two neighbouring
points.

A point is `redis:<script or COMMAND>:<before|after>`, `ledger:<function that asks>:<...>`, where
for a transaction `before` is before its COMMIT, or `answer:<end of the path>:<...>`.
"""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial, wraps
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorbuster.cli import main
from gateway import process
from gateway.at_once import AnswerAtOnce, AnswersAtOnce, Arrived
from lua.script import Script
from lua.server import Server
from sql.database import Connection, Database

DIED = 77


class Fuse:
    """Ends the process when it comes to its point for the n-th time."""

    def __init__(self, point: str, count: int) -> None:
        self._point = point
        self._left = count

    def burn(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os._exit(DIED)


def arm(fuse: Fuse) -> None:
    """Put the fuse on every door."""
    for name in ("run", "run_and_wait"):
        setattr(Server, name, _script(fuse, getattr(Server, name)))
    Server.command = _command(fuse, Server.command)
    for name in ("row", "rows", "execute"):
        setattr(Database, name, _statement(fuse, getattr(Database, name)))
    Database.transaction = _transaction(fuse, Database.transaction)
    # The door of the WAIT that follows a script on its own connection.
    Server._exchange = _exchange(fuse, Server._exchange)
    process.Server = partial(_serve, fuse, process.Server)


Call = Callable[..., Awaitable[Any]]


def _script(fuse: Fuse, run: Call) -> Call:
    @wraps(run)
    async def watched(self: Server, script: Script, *rest: Any, **named: Any) -> Any:
        fuse.burn(f"redis:{script.name}:before")
        reply = await run(self, script, *rest, **named)
        fuse.burn(f"redis:{script.name}:after")
        return reply

    return watched


def _command(fuse: Fuse, command: Call) -> Call:
    @wraps(command)
    async def watched(self: Server, *words: Any) -> Any:
        fuse.burn(f"redis:{words[0]}:before")
        reply = await command(self, *words)
        fuse.burn(f"redis:{words[0]}:after")
        return reply

    return watched


def _exchange(fuse: Fuse, exchange: Call) -> Call:
    @wraps(exchange)
    async def watched(self: Server, connection: Any, words: Sequence[Any], until: float) -> Any:
        waits = words[0] == "WAIT"
        if waits:
            fuse.burn("redis:WAIT:before")
        reply = await exchange(self, connection, words, until)
        if waits:
            fuse.burn("redis:WAIT:after")
        return reply

    return watched


class _Watched:
    """Burns the fuse where the one hot route is answered without the application."""

    def __init__(self, fuse: Fuse, at_once: AnswersAtOnce) -> None:
        self._fuse = fuse
        self._at_once = at_once

    def may_take(self, method: bytes, url: bytes) -> bool:
        return self._at_once.may_take(method, url)

    def take(self, arrived: Arrived, answer: AnswerAtOnce) -> bool:
        name = arrived.url.decode().rpartition("/")[2]

        def watched(status: int, lines: list[tuple[bytes, bytes]], body: bytes) -> None:
            self._fuse.burn(f"answer:{name}:before")
            answer(status, lines, body)
            self._fuse.burn(f"answer:{name}:after")

        return self._at_once.take(arrived, watched)

    def turn_away(self, arrived: Arrived, answer: AnswerAtOnce) -> None:
        self._at_once.turn_away(arrived, answer)


def _serve(
    fuse: Fuse,
    server: Callable[..., Any],
    app: ASGIApp,
    at_once: AnswersAtOnce,
    *others: Any,
    **rest: Any,
) -> Any:
    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        name = scope.get("path", "").rpartition("/")[2]

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                fuse.burn(f"answer:{name}:before")
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                fuse.burn(f"answer:{name}:after")

        await app(scope, receive, answer)

    return server(watched, _Watched(fuse, at_once), *others, **rest)


def _statement(fuse: Fuse, ask: Call) -> Call:
    @wraps(ask)
    def watched(self: Database, *arguments: Any) -> Awaitable[Any]:
        name = sys._getframe(1).f_code.co_name

        async def asked() -> Any:
            fuse.burn(f"ledger:{name}:before")
            answer = await ask(self, *arguments)
            fuse.burn(f"ledger:{name}:after")
            return answer

        return asked()

    return watched


def _transaction(
    fuse: Fuse, begin: Callable[[Database], AbstractAsyncContextManager[Connection]]
) -> Callable[[Database], AbstractAsyncContextManager[Connection]]:
    def watched(self: Database) -> AbstractAsyncContextManager[Connection]:
        name = sys._getframe(1).f_code.co_name

        @asynccontextmanager
        async def begun() -> AsyncIterator[Connection]:
            async with begin(self) as connection:
                yield connection
                fuse.burn(f"ledger:{name}:before")
            fuse.burn(f"ledger:{name}:after")

        return begun()

    return watched


def run(arguments: Sequence[str]) -> None:
    point, count, *rest = arguments
    arm(Fuse(point, int(count)))
    sys.argv = ["doorbuster", *rest]
    main()


if __name__ == "__main__":
    run(sys.argv[1:])
