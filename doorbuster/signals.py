"""Ctrl-C and SIGTERM mean: stop in order."""

import asyncio
import signal
from collections.abc import Coroutine


async def until_stopped(work: Coroutine[None, None, None]) -> None:
    """Run the work until it ends, or until a signal: then it is cancelled, and cleans up.

    Further signals change nothing: cleaning up has its own deadline.
    """
    told = asyncio.Event()
    working = asyncio.ensure_future(work)

    def tell() -> None:
        if not told.is_set():
            told.set()
            working.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, tell)
    try:
        await working
    except asyncio.CancelledError:
        if not told.is_set():
            raise
