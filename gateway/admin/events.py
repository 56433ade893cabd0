"""`GET /v1/admin/events`, straight on ASGI: what goes on, pushed to whoever operates."""

import asyncio
import time
from typing import Final

from pydantic_core import to_json
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from gateway.admin.operators import Operators
from gateway.admin.overview import Overseer, Overview
from gateway.openapi import ADMIN, Operation, Success, Tag
from gateway.problems import Refusal
from gateway.representation import now_ms
from gateway.streams.crowd import Crowd, TooManyStreams
from gateway.streams.frame import AFTER_BYE, NOTHING_SEEN, block, bye
from gateway.streams.response import begin, send_away, until_gone
from gateway.streams.stream import Stream
from sql.faults import LedgerFault

EVENTS: Final = "/v1/admin/events"
# As often as the workers hand on what they have counted, and as often as people look.
PUSH_SECONDS: Final = 1.0
# Of the ledger's time: where a rush has hundreds of thousands of holds to be added up, the numbers
# come less often.
LARGEST_SHARE: Final = 0.2
# How long a key that was revoked goes on being told.
RECHECK_SECONDS: Final = 5.0

WATCH_EVERYTHING: Final = Operation(
    method="GET",
    id="watchEverything",
    summary="What goes on, as server-sent events",
    description=(
        "`overview` once a second, with all of it, or less often where reading that takes long; "
        "`bye` before the server ends the stream. An EventSource can send no key: read it from a "
        "fetch. Where there is no room, it tells when to come back, and ends."
    ),
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    successes=(
        Success(
            status=200, description="The events.", body=Overview, media_type="text/event-stream"
        ),
    ),
)


class EventStream:
    """The endpoint. However many watch a worker, everything is read once a second."""

    def __init__(self, overseer: Overseer, operators: Operators, crowd: Crowd) -> None:
        self._overseer = overseer
        self._operators = operators
        self._crowd = crowd
        self._reading = asyncio.Lock()
        self._due_at = float("-inf")
        self._newest = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises a Refusal before anything is sent."""
        await self._operators.actor(Request(scope))
        try:
            with self._crowd.place():
                await self._answer(scope, receive, send)
        except TooManyStreams:
            await send_away(send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        ends = scope["method"] == "HEAD"
        await begin(send, await self._read(), ends=ends)
        if ends:
            return
        stream = Stream(scope, send, seen=NOTHING_SEEN, expires_at=self._crowd.expiry())
        with self._crowd.presence(stream):
            async with asyncio.TaskGroup() as tasks:
                work = [
                    tasks.create_task(self._push(stream)),
                    tasks.create_task(self._recheck(stream, Request(scope))),
                ]
                await until_gone(receive)
                for each in work:
                    each.cancel()

    async def _push(self, stream: Stream) -> None:
        """Where the connection is full the next one, which says all of it, is soon enough."""
        shown = self._newest
        while not stream.ended:
            await asyncio.sleep(PUSH_SECONDS)
            newest = await self._read()
            if newest is not shown and stream.write(newest):
                shown = newest

    async def _recheck(self, stream: Stream, request: Request) -> None:
        """End the stream of a key that may not be told any more; it is refused as it returns."""
        while not stream.ended:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                await self._operators.actor(request)
            except Refusal:
                stream.end(AFTER_BYE.line() + bye(now_ms()))
            except LedgerFault:
                continue  # nobody can say; the stream goes on, as everything does

    async def _read(self) -> bytes:
        async with self._reading:
            began = time.monotonic()
            if began >= self._due_at:
                self._newest = block(b"overview", to_json(await self._overseer.read()))
                # Whoever comes half a second later sees it anew.
                taken = time.monotonic() - began
                self._due_at = began + max(PUSH_SECONDS / 2, taken / LARGEST_SHARE)
        return self._newest
