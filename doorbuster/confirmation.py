"""Asks before harm, where there is somebody to ask."""

import sys
from typing import Annotated, TypeAlias

import typer

Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask. A script is never asked.")
]


def ask(question: str, *, yes: bool) -> None:
    """Go on if the answer is yes; end with 1 if it is no. Without a terminal nobody is asked."""
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True)
