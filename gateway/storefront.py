"""Serves the page at `/`: files that lie in the package, and nothing from other hosts."""

from typing import Final

from starlette.routing import Route

from gateway.page import packaged

SCRIPTS: Final = ("shop", "items", "orders", "words", "clock", "doorbuster")


def routes() -> list[Route]:
    """Where the files are."""
    scripts = [f"{name}.js" for name in SCRIPTS]
    return [
        Route("/", packaged("index.html", "text/html").answer),
        Route("/pages/shop.css", packaged("shop.css", "text/css").answer),
        *(Route(f"/pages/{name}", packaged(name, "text/javascript").answer) for name in scripts),
    ]
