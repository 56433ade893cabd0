"""Ctrl-C and SIGTERM mean: stop in order. Further ones change nothing, stopping is bounded."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """Yield an event that is set by the first of the signals."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def until_stopped(work: Coroutine[None, None, None]) -> None:
    """Run the work until it ends, or until a signal: then it is cancelled, and cleans up."""
    with told_to_stop() as stop:
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.wait([working])
        if not working.cancelled():
            working.result()
