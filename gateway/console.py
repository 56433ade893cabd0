"""Serves the operator's console at `/console`: a page that needs a key for all that it shows."""

from typing import Final

from starlette.routing import Route

from gateway.page import packaged

# `clock` is the storefront's as well, which serves it.
SCRIPTS: Final = (
    "chart",
    "confirm",
    "console",
    "console-charts",
    "console-duties",
    "console-sales",
    "console-words",
    "history",
    "operator",
    "rows",
)


def routes() -> list[Route]:
    """Where the files are."""
    scripts = [f"{name}.js" for name in SCRIPTS]
    return [
        Route("/console", packaged("console.html", "text/html").answer),
        Route("/pages/console.css", packaged("console.css", "text/css").answer),
        *(Route(f"/pages/{name}", packaged(name, "text/javascript").answer) for name in scripts),
    ]
