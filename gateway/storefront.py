"""Serves the page at `/`: files that lie in the package, and nothing from other hosts."""

import hashlib
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# Scripts and styles come from here as files, so nothing that gets into the page can run.
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
    """One file of the package."""

    def __init__(self, name: str, media_type: str) -> None:
        body = (resources.files("gateway") / "pages" / name).read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        self._etag = etag
        self._whole = Response(body, headers={**_HEADERS, "etag": etag}, media_type=media_type)
        self._unchanged = Response(status_code=304, headers={**_HEADERS, "etag": etag})

    async def answer(self, request: Request) -> Response:
        """The file, or that the browser has it."""
        has_it = request.headers.get("if-none-match") == self._etag
        return self._unchanged if has_it else self._whole


def routes() -> list[Route]:
    """Where the files are."""
    return [
        Route("/", Page("index.html", "text/html").answer),
        Route("/pages/shop.css", Page("shop.css", "text/css").answer),
        Route("/pages/shop.js", Page("shop.js", "text/javascript").answer),
    ]
