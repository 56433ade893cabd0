"""Sends a request until its answer is certain or the caller's time is over.

Only what can be repeated may be sent through here: reads, what carries an idempotency key, and
what is the same when it is done twice.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import aiohttp
from pydantic_core import from_json

from doorbuster.client.outcome import Refused
from doorbuster.client.patience import Patience, retry_after_seconds

_PROBLEM: Final = "application/problem+json"
# Said before anything was done, so that what an earlier attempt did is still open.
_SAID_BEFORE: Final = frozenset([401, 403, 408, 429, 503])
_WORTH_ANOTHER_ATTEMPT: Final = frozenset([202, 408, 429])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request; `path` may be a whole address, `body` is JSON."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_problem(self) -> bool:
        """Whether a gateway said no, and not a proxy in front of it."""
        return self.headers.get("content-type", "").startswith(_PROBLEM)

    @property
    def retry_after_seconds(self) -> int | None:
        """When to ask again, if that was said."""
        return retry_after_seconds(self.headers)

    @property
    def settles_nothing(self) -> bool:
        """Whether it leaves open what became of this very request."""
        return self.status == 202 or (self.status >= 500 and not self._promises_nothing_happened)

    @property
    def asks_for_another(self) -> bool:
        """Whether the same request may fare better soon."""
        return self.status in _WORTH_ANOTHER_ATTEMPT or self.status >= 500

    @property
    def tells_of_earlier_ones(self) -> bool:
        """Whether it also settles what became of the same request before."""
        return not self.settles_nothing and self.status not in _SAID_BEFORE

    @property
    def _promises_nothing_happened(self) -> bool:
        return self.status == 503 and self.is_problem


@dataclass(frozen=True, slots=True)
class NoReply:
    """`sent` says that the request may have arrived."""

    sent: bool


@dataclass(frozen=True, slots=True)
class Undecided:
    """It may have happened; `last` is what was heard last."""

    last: Reply | NoReply


Attempt: TypeAlias = Reply | NoReply
Result: TypeAlias = Reply | Refused | Undecided


async def exchange(http: aiohttp.ClientSession, ask: Ask, seconds: float) -> Result:
    """The certain answer, or what is left of the question when the seconds are over."""
    patience = Patience(seconds)
    open_question = False
    while True:
        attempt = await _attempt(http, ask, patience.attempt_seconds)
        open_question = _stays_open(attempt, open_question)
        wait = patience.wait(_retry_after(attempt)) if _is_worth_another(attempt) else None
        if wait is None:
            return Undecided(attempt) if open_question else _certain(attempt)
        await asyncio.sleep(wait)


def _stays_open(attempt: Attempt, before: bool) -> bool:  # noqa: FBT001 (the state of the loop)
    match attempt:
        case NoReply(sent=sent):
            return before or sent
        case Reply():
            return attempt.settles_nothing or (before and not attempt.tells_of_earlier_ones)


def _is_worth_another(attempt: Attempt) -> bool:
    return isinstance(attempt, NoReply) or attempt.asks_for_another


def _retry_after(attempt: Attempt) -> int | None:
    return attempt.retry_after_seconds if isinstance(attempt, Reply) else None


def _certain(attempt: Attempt) -> Reply | Refused:
    if isinstance(attempt, Reply):
        return attempt
    return Refused(code="unreachable", status=503, title="No gateway could be connected to")


async def _attempt(http: aiohttp.ClientSession, ask: Ask, seconds: float) -> Attempt:
    try:
        async with asyncio.timeout(seconds):
            async with http.request(
                ask.method, ask.path, headers=ask.headers, data=ask.body, allow_redirects=False
            ) as response:
                body = await response.read()
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        return NoReply(sent=False)
    except (aiohttp.ClientError, TimeoutError):
        return NoReply(sent=True)
    return Reply(status=response.status, headers=response.headers, body=body)


def refused(reply: Reply) -> Refused:
    """The refusal that the answer stands for."""
    if not reply.is_problem:
        return Refused(code=f"http-{reply.status}", status=reply.status)
    told = dict(from_json(reply.body))
    return Refused(
        code=told.pop("code"),
        status=reply.status,
        title=told.pop("title", ""),
        detail=told.pop("detail", ""),
        retry_after_seconds=reply.retry_after_seconds,
        members={name: value for name, value in told.items() if name not in {"type", "status"}},
    )
