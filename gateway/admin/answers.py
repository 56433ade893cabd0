"""How administration answers: nothing of it is kept by anybody in between."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic_core import to_json
from starlette.responses import Response

from gateway.conditional import etag_of
from gateway.query import link

Item = TypeVar("Item")


def shown(document: object, *, status: int = 200, **headers: str) -> Response:
    """A document; names of headers with underscores."""
    return _response(to_json(document), status, headers)


def versioned(document: object, *, status: int = 200, **headers: str) -> Response:
    """A document that may be changed by whoever has its ETag."""
    body = to_json(document)
    return _response(body, status, {"etag": etag_of(body), **headers})


def page(
    found: Sequence[Item],
    *,
    limit: int,
    document: Callable[[Item], object],
    path: str,
    last: Callable[[Item], object],
    **query: object,
) -> Response:
    """Up to `limit` items; one more than that says that there is a next page.

    That is `path` with `query`, after what `last` says of the last item.
    """
    items = found[:limit]
    following = None
    if len(found) > limit:
        following = link(path, {"limit": limit, **query, "after": last(items[-1])})
    return shown({"items": [document(each) for each in items], "next": following})


def _response(body: bytes, status: int, headers: dict[str, str]) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = {"cache-control": "no-store", **named}
    return Response(body, status, lines, media_type="application/json")
