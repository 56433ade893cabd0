"""Waits until the ledger has what Redis has admitted, for the level `ledger`."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from lua.faults import RedisFault
from lua.store import Progress, SaleStore

log = logging.getLogger(__name__)

# A transaction of the ledger takes longer; while nobody waits, nobody looks.
LOOK_SECONDS: Final = 0.005


@dataclass(frozen=True, slots=True)
class _Waiting:
    epoch: int
    version: int
    reached: "asyncio.Future[bool]"


class Commits:
    """Watches how far the ledger has read one sale, while somebody waits for it."""

    def __init__(self, store: SaleStore, tasks: asyncio.TaskGroup) -> None:
        self._store = store
        self._tasks = tasks
        self._waiting: list[_Waiting] = []
        self._looking = False

    async def reached(self, epoch: int, version: int, *, seconds: float) -> bool:
        """Whether the ledger has the version in time, read under this very epoch.

        After a recovery the same number may be another change, so another epoch answers nothing.
        """
        reached: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(epoch, version, reached))
        if not self._looking:
            self._looking = True
            self._tasks.create_task(self._look())
        try:
            return await asyncio.wait_for(reached, seconds)
        except TimeoutError:
            return False

    async def _look(self) -> None:
        try:
            while self._waiting:
                await self._look_once()
                self._waiting = [each for each in self._waiting if not each.reached.done()]
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
    if waiting.reached.done():
        return
    if progress.epoch > waiting.epoch:
        waiting.reached.set_result(False)
    elif progress.epoch == waiting.epoch and progress.committed >= waiting.version:
        waiting.reached.set_result(True)
