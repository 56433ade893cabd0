"""`/livez` and `/readyz`: whether to restart this process, and whether to send it requests."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Final

from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.openapi import Call, Operation, Success, Tag
from lua.faults import RedisFault
from lua.server import Server
from sql.database import Database
from sql.faults import LedgerFault

# A server that needs longer for a PING will not decide a checkout in time either.
ANSWER_SECONDS: Final = 0.25
# Anybody may call these, so however often they do, the servers are asked this often.
FRESH_SECONDS: Final = 0.25


class Alive(BaseModel):
    """The process lives."""

    status: Annotated[str, Field(examples=["alive"])]


class Readiness(BaseModel):
    """Whether to send requests here, and what each server says: `answers` or `silent`."""

    status: Annotated[str, Field(examples=["ready", "unready", "draining"])]
    redis: str
    ledger: str


LIVE: Final = Operation(
    method="GET",
    id="isAlive",
    summary="Whether the process lives",
    tag=Tag.OPERATION,
    successes=(Success(status=200, description="It does.", body=Alive),),
)
READY: Final = Operation(
    method="GET",
    id="isReady",
    summary="Whether to send requests to this process",
    tag=Tag.OPERATION,
    successes=(
        Success(status=200, description="Yes; the ledger may be away.", body=Readiness),
        Success(status=503, description="No, or not any more.", body=Readiness),
    ),
)


class Probes:
    """The endpoints. Without the ledger checkouts go on, so its absence is told and no more."""

    def __init__(self, redis: Server, database: Database, draining: asyncio.Event) -> None:
        self._redis = redis
        self._database = database
        self._draining = draining
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answers = {"redis": False, "ledger": False}

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [Call("/livez", self.live, LIVE), Call("/readyz", self.ready, READY)]

    async def live(self, _: Request) -> Response:
        """The event loop turns: that is all a restart could mend."""
        return _answer(200, {"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """Whether a checkout would be decided here, and what each server says."""
        answers = await self.ask()
        told = {name: "answers" if ok else "silent" for name, ok in answers.items()}
        if self._draining.is_set():
            return _answer(503, {"status": "draining", **told})
        if not answers["redis"]:
            return _answer(503, {"status": "unready", **told})
        return _answer(200, {"status": "ready", **told})

    async def ask(self) -> dict[str, bool]:
        """Whether each server answers."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() - self._asked_at > FRESH_SECONDS:
                async with asyncio.TaskGroup() as asking:
                    redis = asking.create_task(_answers(self._redis.command("PING")))
                    ledger = asking.create_task(_answers(self._database.row("select 1")))
                self._answers = {"redis": redis.result(), "ledger": ledger.result()}
                self._asked_at = loop.time()
        return self._answers


async def _answers(question: Coroutine[object, object, object]) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await question
    except (RedisFault, LedgerFault, TimeoutError):
        return False
    return True


def _answer(status: int, document: dict[str, str]) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(to_json(document), status, headers, "application/json")
