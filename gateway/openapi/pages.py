"""`/openapi.json`: the interface, described for programs."""

from collections.abc import Sequence
from hashlib import sha256

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.openapi.call import Call
from gateway.openapi.document import describe


class Interface:
    """The endpoint, over the calls that are mounted."""

    def __init__(self, calls: Sequence[Call]) -> None:
        body = to_json(describe(calls))
        headers = {"etag": f'"{sha256(body).hexdigest()[:16]}"', "cache-control": "no-cache"}
        self._headers = headers
        self._whole = Response(body, headers=headers, media_type="application/json")

    def routes(self) -> list[Route]:
        """Where it is mounted."""
        return [Route("/openapi.json", self.read, methods=["GET"])]

    async def read(self, request: Request) -> Response:
        """The document, or that the caller has it."""
        if request.headers.get("if-none-match") == self._headers["etag"]:
            return Response(status_code=304, headers=self._headers)
        return self._whole
