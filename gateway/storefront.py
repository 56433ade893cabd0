"""Serves the page at `/`: files that lie in the package, and nothing from other hosts."""

from starlette.routing import Route

from gateway.page import packaged


def routes() -> list[Route]:
    """Where the files are."""
    return [
        Route("/", packaged("index.html", "text/html").answer),
        Route("/pages/shop.css", packaged("shop.css", "text/css").answer),
        Route("/pages/shop.js", packaged("shop.js", "text/javascript").answer),
    ]
