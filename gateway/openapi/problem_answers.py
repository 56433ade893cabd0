"""The answers of a call that are problems: its own, and those that its parts bring along."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final

from gateway import problems
from gateway.openapi.operation import Caller, Operation, Schema
from gateway.openapi.vocabulary import RETRY_AFTER
from gateway.problems import MEDIA_TYPE, Problem

_OF_CALLERS: Final = (
    problems.MALFORMED,
    problems.UNAUTHENTICATED,
    problems.ISSUER_UNAVAILABLE,
)
_OF_BODY: Final = (
    problems.MALFORMED,
    problems.BODY_TOO_SLOW,
    problems.BODY_TOO_LARGE,
    problems.UNSUPPORTED_MEDIA_TYPE,
    problems.INVALID,
)
# `sale-not-open` is a 409 that will pass.
_TELLS_WHEN: Final = frozenset([409, 429, 503])


def problem_answers(operation: Operation, body: Schema) -> Schema:
    """By status, with the codes that it can mean; `default` is for what nobody foresaw."""
    told = {
        each.code: each
        for each in _problems(operation)
        # See `gateway.streams.response`.
        if each.status < 500 or not operation.is_stream
    }
    in_order = sorted(told.values(), key=attrgetter("status", "code"))
    answers: Schema = {
        str(status): _answer(list(each), body)
        for status, each in groupby(in_order, attrgetter("status"))
    }
    answers["default"] = {"description": "Any other problem.", "content": _content(body)}
    return answers


def _problems(operation: Operation) -> Iterator[Problem]:
    yield from operation.problems
    if operation.callers:
        yield from _OF_CALLERS
        yield from _of_kinds_of_callers(frozenset(operation.callers))
    if operation.body is not None:
        yield from _OF_BODY
    if operation.query is not None:
        yield problems.INVALID
    if any(each.where == "path" for each in operation.parameters):
        yield problems.NOT_FOUND
    if any(each.where == "header" and not each.is_list for each in operation.parameters):
        yield problems.MALFORMED


def _of_kinds_of_callers(callers: frozenset[Caller]) -> Iterator[Problem]:
    if not callers <= {Caller.CUSTOMER, Caller.TICKET}:
        yield problems.LEDGER_BEHIND  # which has the keys
    # Customers and keys of each scope: nobody is left whose credentials are good and of no use.
    if not callers >= {Caller.CUSTOMER, Caller.SETTLE}:
        yield problems.FORBIDDEN


def _answer(told: list[Problem], body: Schema) -> Schema:
    codes = {"code": {"enum": [each.code for each in told]}}
    answer: Schema = {
        "description": "; ".join(f"`{each.code}`: {each.title}" for each in told),
        "content": _content({"allOf": [body, {"properties": codes}]}),
    }
    if told[0].status in _TELLS_WHEN:
        answer["headers"] = {RETRY_AFTER.name: {"schema": RETRY_AFTER.schema}}
    return answer


def _content(schema: Schema) -> Schema:
    return {MEDIA_TYPE: {"schema": schema}}
