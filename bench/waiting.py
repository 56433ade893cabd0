"""Waiting for what happens in another process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from bench.case import Unmeasurable

LOOK_SECONDS: Final = 0.01


async def until(holds: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
    """Return once it holds. Raises Unmeasurable if that takes longer."""
    try:
        async with asyncio.timeout(seconds):
            while not await holds():
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise Unmeasurable(f"it took longer than {seconds:g} seconds") from error
