"""Work that begins while the process runs, and lasts until somebody ends it."""

import asyncio
from collections.abc import Coroutine


class Background:
    """`run` it in a task; when that is cancelled, so is all that was started here."""

    def __init__(self) -> None:
        self._tasks = asyncio.TaskGroup()
        self._never = asyncio.Event()
        self._is_running = False

    async def run(self) -> None:
        """Hold what is started, until cancelled."""
        async with self._tasks:
            self._is_running = True
            try:
                await self._never.wait()
            finally:
                self._is_running = False

    @property
    def is_running(self) -> bool:
        """Whether anything may be started still."""
        return self._is_running

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Begin it; it must meet its own faults, for what it raises ends all of them."""
        return self._tasks.create_task(work)
