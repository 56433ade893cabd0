"""Waits until the ledger has what Redis has admitted, for the level `ledger`."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from lua.faults import RedisFault
from lua.store import Progress, SaleStore

log = logging.getLogger(__name__)

# A transaction of the ledger takes longer; while nobody waits, nobody looks.
LOOK_SECONDS: Final = 0.005


# Called once: whether the ledger has it in time.
Tell: TypeAlias = Callable[[bool], None]


@dataclass(slots=True)
class _Waiting:
    epoch: int
    version: int
    tell: Tell
    timer: asyncio.TimerHandle | None = None
    is_told: bool = False

    def answer(self, *, is_reached: bool) -> None:
        """Tell, unless it was told before."""
        if self.is_told:
            return
        self.is_told = True
        if self.timer is not None:
            self.timer.cancel()
        self.tell(is_reached)


class Commits:
    """Watches how far the ledger has read one sale, while somebody waits for it."""

    def __init__(self, store: SaleStore, tasks: asyncio.TaskGroup) -> None:
        self._store = store
        self._tasks = tasks
        self._waiting: list[_Waiting] = []
        self._looking = False
        self._loop = asyncio.get_running_loop()

    async def reached(self, epoch: int, version: int, *, seconds: float) -> bool:
        """Whether the ledger has the version in time, read under this very epoch.

        After a recovery the same number may be another change, so another epoch answers nothing.
        """
        reached: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def tell(is_reached: object) -> None:
            if not reached.done():
                reached.set_result(bool(is_reached))

        self.when_reached(epoch, version, tell, seconds=seconds)
        return await reached

    def when_reached(self, epoch: int, version: int, tell: Tell, *, seconds: float) -> None:
        """Have it told, at the latest after so many seconds."""
        waiting = _Waiting(epoch, version, tell)
        waiting.timer = self._loop.call_later(seconds, partial(waiting.answer, is_reached=False))
        self._waiting.append(waiting)
        if not self._looking:
            self._looking = True
            self._tasks.create_task(self._look())

    async def _look(self) -> None:
        try:
            while self._waiting:
                await self._look_once()
                self._waiting = [each for each in self._waiting if not each.is_told]
                await asyncio.sleep(LOOK_SECONDS)
        # A defect met here must not end the group that all batches run in.
        except Exception:
            log.exception("sale %s: unforeseen", self._store.sale_id)
        finally:
            self._looking = False

    async def _look_once(self) -> None:
        try:
            progress = await self._store.progress()
        except RedisFault:
            return
        if isinstance(progress, Progress):
            for each in self._waiting:
                _tell(each, progress)


def _tell(waiting: _Waiting, progress: Progress) -> None:
    if progress.epoch > waiting.epoch:
        waiting.answer(is_reached=False)
    elif progress.epoch == waiting.epoch and progress.committed >= waiting.version:
        waiting.answer(is_reached=True)
