"""A file that is served from memory, under a policy that lets in nothing from elsewhere."""

from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.conditional import etag_of, is_known

# Scripts and styles come from here as files, so nothing that gets into a page can run.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # A browser asks each time, and gets 304: a page and its script are never of two releases.
    "cache-control": "no-cache",
}


class Page:
    """One file, with an ETag."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self._etag = etag = etag_of(body)
        self._whole = Response(body, headers={**_HEADERS, "etag": etag}, media_type=media_type)
        self._unchanged = Response(status_code=304, headers={**_HEADERS, "etag": etag})

    async def answer(self, request: Request) -> Response:
        """The file, or that the browser has it."""
        return self._unchanged if is_known(self._etag, request.headers) else self._whole


def packaged(name: str, media_type: str) -> Page:
    """A file of `gateway/pages/`."""
    return Page((resources.files("gateway") / "pages" / name).read_bytes(), media_type)
