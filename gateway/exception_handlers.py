"""The answer to what an endpoint raised: always a problem, and never what went wrong inside.

`Starlette(exception_handlers=EXCEPTION_HANDLERS)` covers the routes that do not exist as well. An
exception that nobody foresaw is answered here and then raised again by Starlette, so that the
server logs it with its traceback.
"""

from dataclasses import replace
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import HTTPExceptionHandler

from gateway import problems
from gateway.problems import METHOD_NOT_ALLOWED, Problem, Refusal
from lua.faults import RedisFault
from sql.faults import LedgerFault

# Starlette itself raises no other; an endpoint of ours raises a Refusal.
_OF_STATUS: Final = {
    problem.status: problem
    for problem in (
        problems.MALFORMED,
        problems.NOT_FOUND,
        problems.METHOD_NOT_ALLOWED,
        problems.BODY_TOO_LARGE,
        problems.UNSUPPORTED_MEDIA_TYPE,
    )
}


async def answer(request: Request, error: Exception) -> Response:
    """Answer with the problem that the exception stands for."""
    problem = problem_of(error)
    if problem.status == METHOD_NOT_ALLOWED.status:
        problem = replace(problem, headers=((b"allow", _allowed(request)),))
    return problem.to_response()


def _allowed(request: Request) -> bytes:
    """The methods of the path: Starlette names those of one route only, and a path may have two."""
    routes = [each for each in request.app.routes if isinstance(each, Route)]
    at_path = [each for each in routes if each.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted(set().union(*(each.methods or () for each in at_path)))).encode()


def problem_of(error: Exception) -> Problem:
    """The problem that the exception stands for."""
    match error:
        case Refusal():
            return error.problem
        case LedgerFault():
            return problems.LEDGER_BEHIND
        case RedisFault():
            return problems.STOCK_UNVERIFIED
        case HTTPException():
            return _of_http_exception(error)
        case ClientDisconnect():
            # Nobody is left to read it; it only must not look like a fault of ours.
            return problems.MALFORMED.because("The connection was closed within the body.")
        case _:
            return problems.INTERNAL


def _of_http_exception(error: HTTPException) -> Problem:
    problem = _OF_STATUS.get(error.status_code, problems.INTERNAL)
    lines = [(name.lower().encode(), text.encode()) for name, text in (error.headers or {}).items()]
    return replace(problem, headers=(*problem.headers, *lines))


EXCEPTION_HANDLERS: Final[dict[type[Exception], HTTPExceptionHandler]] = {
    Refusal: answer,
    HTTPException: answer,
    ClientDisconnect: answer,
    LedgerFault: answer,
    RedisFault: answer,
    Exception: answer,
}
