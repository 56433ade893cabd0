"""Keeps child processes alive: started in order, restarted when one dies, stopped in reverse."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from doorbuster.child import Child, launch
from doorbuster.faults import ChildFailed
from doorbuster.process import Process, ending

log = logging.getLogger(__name__)

# Soon enough that a buyer hardly notices one crash, rare enough that a child which cannot start
# does not fill the log or a processor.
FIRST_DELAY_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 5.0
# Who ran this long has recovered: its next crash is a new one.
STEADY_SECONDS: Final = 10.0
# A server that nobody writes to any more is down in a tenth of that.
RESERVED_SECONDS: Final = 0.5
# A child that is not even ready has nothing to finish.
UNREADY_STOP_SECONDS: Final = 1.0


class Supervisor:
    """Children in stages; a stage is ready before the next one starts."""

    def __init__(self, tasks: asyncio.TaskGroup, *, stop_seconds: float) -> None:
        self._tasks = tasks
        self._stop_seconds = stop_seconds
        self._stages: list[list[_Keeper]] = []

    async def start(self, *children: Child) -> None:
        """Start one stage, and return when each of its children is ready.

        Raises ChildFailed if one ends before: what has never run is not worth a retry.
        """
        stage: list[_Keeper] = []
        self._stages.append(stage)
        try:
            async with asyncio.TaskGroup() as together:
                for child in children:
                    together.create_task(self._start(child, stage))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group

    async def stop(self) -> None:
        """Stop the last stage first. It may take all the time but what the others need at least."""
        deadline = time.monotonic() + self._stop_seconds
        while self._stages:
            stage = self._stages.pop()
            await _stop_stage(stage, deadline=deadline - RESERVED_SECONDS * len(self._stages))

    async def _start(self, child: Child, stage: list["_Keeper"]) -> None:
        process = await launch(child, stop_seconds=UNREADY_STOP_SECONDS)
        stage.append(_Keeper(child, process, self._tasks))


@asynccontextmanager
async def supervised(*, stop_seconds: float) -> AsyncIterator[Supervisor]:
    """Yield a supervisor; at the end of the block its children are stopped within the seconds."""
    try:
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(tasks, stop_seconds=stop_seconds)
            try:
                yield supervisor
            finally:
                await supervisor.stop()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group  # callers know faults, not groups of them


class _Keeper:
    """Restarts one child until its task is cancelled."""

    def __init__(self, child: Child, process: Process, tasks: asyncio.TaskGroup) -> None:
        self._child = child
        self._delay_seconds = FIRST_DELAY_SECONDS
        self.process = process
        self.task = tasks.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            ready_at = time.monotonic()
            status = await self.process.wait()
            if time.monotonic() - ready_at >= STEADY_SECONDS:
                self._delay_seconds = FIRST_DELAY_SECONDS
            await self._restart(ending(self.process.command, status))

    async def _restart(self, fault: str) -> None:
        while True:
            log.warning("%s; it starts again in %.1f s", fault, self._delay_seconds)
            await asyncio.sleep(self._delay_seconds)
            self._delay_seconds = min(self._delay_seconds * 2, LONGEST_DELAY_SECONDS)
            try:
                self.process = await launch(self._child, stop_seconds=UNREADY_STOP_SECONDS)
            except ChildFailed as failed:
                fault = str(failed)
            else:
                log.info("%s is back", self._child.name)
                return


async def _stop_stage(stage: list[_Keeper], *, deadline: float) -> None:
    """Nobody restarts what is being stopped: the keepers end first."""
    for keeper in stage:
        keeper.task.cancel()
    await asyncio.gather(*(keeper.task for keeper in stage), return_exceptions=True)
    seconds = max(deadline - time.monotonic(), 0.0)
    await asyncio.gather(*(keeper.process.stop(seconds=seconds) for keeper in stage))
