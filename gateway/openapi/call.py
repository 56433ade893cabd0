"""A route that says what it takes and answers."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.openapi.operation import Operation

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]] | ASGIApp


class Call(Route):
    """A Starlette route with its operation; every route under `/v1` is one."""

    def __init__(self, path: str, endpoint: Endpoint, operation: Operation) -> None:
        super().__init__(path, endpoint, methods=[operation.method])
        self.operation = operation
