"""The documented interface, and which of its answers a test has seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel

from gateway.openapi import Call, Operation, Success
from gateway.openapi.operation import EVENTS, JSON
from gateway.openapi.problem_answers import problem_answers
from gateway.problems import MEDIA_TYPE, ProblemBody


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Seen:
    """An answer of an operation."""

    operation: str
    status: int


@dataclass(kw_only=True)
class Interface:
    """`see` is an event hook for httpx: every answer has to be one that is documented."""

    calls: list[Call]
    seen: set[Seen] = field(default_factory=set)

    def documented(self) -> set[Seen]:
        return {
            Seen(operation=call.operation.id, status=status)
            for call in self.calls
            for status in statuses(call.operation)
        }

    def unseen(self) -> list[str]:
        return [f"{each.operation} {each.status}" for each in sorted(self.documented() - self.seen)]

    def called(self, method: str, path: str) -> Call | None:
        """The call that a request is for; a HEAD is a GET."""
        wanted = "GET" if method == "HEAD" else method
        for call in self.calls:
            if call.operation.method == wanted and call.path_regex.match(path):
                return call
        return None

    async def see(self, response: httpx.Response) -> None:
        # As it was sent: an encoded slash is part of a name here.
        path = response.request.url.raw_path.decode("ascii").partition("?")[0]
        call = self.called(response.request.method, path)
        if call is None:
            return
        if not response.headers.get("content-type", "").startswith(EVENTS):
            await response.aread()
        check(call.operation, response)
        self.seen.add(Seen(operation=call.operation.id, status=response.status_code))


def statuses(operation: Operation) -> set[int]:
    """Those that the document names."""
    told = problem_answers(operation, {}).keys() - {"default"}
    return {each.status for each in operation.successes} | {int(status) for status in told}


def check(operation: Operation, response: httpx.Response) -> None:
    """Assert that the answer is as documented, and has what all answers have in common."""
    asked = f"{response.request.method} {response.request.url} ({operation.id})"
    successes = {each.status: each for each in operation.successes}
    assert response.status_code in statuses(operation), f"{asked}: {response.status_code}"
    if response.status_code in successes:
        check_success(successes[response.status_code], response, asked)
    else:
        check_problem(operation, response, asked)
    if operation.callers:
        assert response.headers["cache-control"] == "no-store", asked


def check_success(success: Success, response: httpx.Response, asked: str) -> None:
    kind = response.headers.get("content-type", "")
    if success.status in {204, 304}:
        assert not response.content, asked
    else:
        assert kind.startswith(success.media_type.partition(";")[0]), asked
    if success.body is not None and success.media_type == JSON:
        check_body(success.body, response)
    for header in success.headers:
        assert not header.always or header.name in response.headers, f"{asked}: {header.name}"


def check_problem(operation: Operation, response: httpx.Response, asked: str) -> None:
    assert response.headers["content-type"] == MEDIA_TYPE, asked
    assert response.headers["cache-control"] == "no-store", asked
    check_body(ProblemBody, response)
    if response.request.method != "HEAD":
        told = response.json()
        assert told["status"] == response.status_code
        assert told["code"] in codes(operation, response.status_code), f"{asked}: {told}"
    assert response.status_code not in {429, 503} or int(response.headers["retry-after"]) > 0


def check_body(model: type[BaseModel], response: httpx.Response) -> None:
    """It has nothing that the model does not name."""
    if response.request.method != "HEAD":
        model.model_validate_json(response.content, extra="forbid")


def codes(operation: Operation, status: int) -> set[str]:
    described = problem_answers(operation, {})[str(status)]
    (schema,) = described["content"].values()  # type: ignore[index]
    return set(schema["schema"]["allOf"][1]["properties"]["code"]["enum"])


def calls(routes: Iterable[object]) -> Iterator[Call]:
    return (each for each in routes if isinstance(each, Call))
