"""`/openapi.json`, the interface described for programs, and `/docs`, the same for people."""

from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from pydantic_core import to_json
from starlette.routing import Route

from gateway.openapi.call import Call
from gateway.openapi.document import describe
from gateway.page import Page, packaged


def routes(calls: Sequence[Call]) -> list[Route]:
    """Where both are, for the calls that are mounted."""
    return [
        Route("/openapi.json", Page(to_json(describe(calls)), "application/json").answer),
        Route("/docs", packaged("docs.html", "text/html").answer),
        Route("/docs/docs.js", packaged("docs.js", "text/javascript").answer),
        Route("/docs/docs.css", packaged("docs.css", "text/css").answer),
        Route("/docs/swagger-ui.js", _swagger_ui("swagger_bundle.js", "text/javascript").answer),
        Route("/docs/swagger-ui.css", _swagger_ui("swagger_style.css", "text/css").answer),
    ]


def _swagger_ui(name: str, media_type: str) -> Page:
    # As a file: importing the package would read all that is in it, of which this is a fifth.
    place = distribution("offapi").locate_file(f"offapi/{name}")
    return Page(Path(str(place)).read_bytes(), media_type)
