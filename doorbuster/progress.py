"""Tells a person at a terminal what a command is at, once it has taken longer than a second."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")

# What is done sooner needs no words.
SHOWN_AFTER_SECONDS: Final = 1.0


class Doing:
    """What a command is at, and how far."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._done = 0
        self._total: int | None = None
        self._show: Callable[[], None] = lambda: None

    def tell(self, what: str, *, done: int = 0, total: int | None = None) -> None:
        """Say it anew, with `done` of `total` in any unit where that is known."""
        self._what, self._done, self._total = what, done, total
        self._show()

    async def shown(self) -> None:
        """Show it until cancelled."""
        progress = _display()
        task = progress.add_task("", total=None)

        def show() -> None:
            progress.update(task, description=self._what, completed=self._done, total=self._total)

        await asyncio.sleep(SHOWN_AFTER_SECONDS)
        self._show = show
        show()
        with progress:
            await asyncio.Event().wait()


@asynccontextmanager
async def telling(what: str) -> AsyncIterator[Doing]:
    """Show what a block does, if it takes long and somebody looks: on stderr, and gone afterwards.

    Nothing is shown of what has no name, and what a program reads is never touched.
    """
    doing = Doing(what)
    if not what or not sys.stderr.isatty():
        yield doing
        return
    shown = asyncio.create_task(doing.shown())
    try:
        yield doing
    finally:
        shown.cancel()
        with suppress(asyncio.CancelledError):
            await shown


def run(work: Awaitable[T], what: str) -> T:
    """Run it to its end, and show what it does, as in `telling`."""
    return asyncio.run(_told(work, what))


async def _told(work: Awaitable[T], what: str) -> T:
    async with telling(what):
        return await work


def _display() -> Progress:
    # Words that users chose are no markup.
    words = TextColumn("{task.description}", markup=False)
    columns = (words, BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
