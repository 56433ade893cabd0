"""What runs in the background of a test."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def running(*lasting: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run what lasts for the length of a block."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(each) for each in lasting]
        yield
        for task in started:
            task.cancel()
