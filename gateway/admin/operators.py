"""Who administers, and what they send."""

from typing import Final, TypeVar

from pydantic import TypeAdapter
from starlette.requests import Request

from gateway.asgi import MAX_BODY_BYTES, read_body
from gateway.identity import Callers
from gateway.json_body import parse_json

# A sale of 500 items with the longest names.
MAX_SALE_BYTES: Final = 256 * 1024

Body = TypeVar("Body")


class Operators:
    """The one place where the endpoints of administration ask."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def actor(self, request: Request) -> str:
        """The operator, as the log has them.

        Raises a Refusal: 401 without a key, 403 with one that may not administer.
        """
        key = await self._callers.machine(request.scope, "admin")
        return f"key:{key.name}"


async def body_of(
    request: Request, shape: TypeAdapter[Body], *, most: int = MAX_BODY_BYTES
) -> Body:
    """The body as a value of that shape. Raises a Refusal as `parse_json` does."""
    return parse_json(request.scope, await read_body(request.receive, most=most), shape)
