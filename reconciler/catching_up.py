"""Says in the log that a ledger has fallen behind, and how it catches up."""

import logging
import time
from typing import Final

log = logging.getLogger(__name__)

# A transaction takes milliseconds: what waits that long waits for a Postgres that was away.
BEHIND_SECONDS: Final = 2.0
TELL_EVERY_SECONDS: Final = 2.0


class CatchingUp:
    """Tells of one sale: when it is behind, every few seconds how much is left, and at the end."""

    def __init__(self, sale_id: str) -> None:
        self._sale_id = sale_id
        self._began: float | None = None
        self._told_at = 0.0

    def note(self, *, versions: int, seconds: float) -> None:
        """So many changes wait, the first of which is so many seconds old."""
        now = time.monotonic()
        if versions == 0:
            self._end(now)
        elif self._began is not None or seconds > BEHIND_SECONDS:
            self._go_on(now, versions, seconds)

    def _go_on(self, now: float, versions: int, seconds: float) -> None:
        self._began = self._began or now
        if now - self._told_at >= TELL_EVERY_SECONDS:
            self._told_at = now
            log.info(
                "sale %s: the ledger is %d changes behind, the oldest is %.1f s old",
                self._sale_id,
                versions,
                seconds,
            )

    def _end(self, now: float) -> None:
        if self._began is not None:
            seconds = now - self._began
            log.info("sale %s: the ledger has caught up in %.1f s", self._sale_id, seconds)
            self._began = None
