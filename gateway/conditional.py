"""Documents with an ETag: whoever has this one already is told so (RFC 9110, section 13)."""

from collections.abc import Mapping
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response


def document(request: Request, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """200 with the body, or 304 for who has it. It may be kept, and must be asked about again."""
    lines = {"etag": etag_of(body), "cache-control": "no-cache", **(headers or {})}
    if is_known(lines["etag"], request.headers):
        return Response(status_code=304, headers=lines)
    return Response(body, headers=lines, media_type="application/json")


def etag_of(body: bytes) -> str:
    """The strong validator of these bytes."""
    return f'"{sha256(body).hexdigest()[:16]}"'


def is_known(etag: str, headers: Headers) -> bool:
    """Whether If-None-Match names it, by the weak comparison of RFC 9110, section 13.1.2."""
    tags = ",".join(headers.getlist("if-none-match")).split(",")
    return bool({etag, "*"} & {tag.strip().removeprefix("W/") for tag in tags})
