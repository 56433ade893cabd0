"""Ties a child to its parent, so that not even `kill -9` of the parent leaves one behind.

Only Linux can do that; elsewhere the next start ends what was left (see `leftover`).
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>


def leash(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what a child calls between fork and exec to be sent the signal if its parent dies.

    The kernel forgets it when a process changes its user (prctl(2)); subprocess calls it after
    that. It means the parent's thread: children are started from the main thread.
    """
    if sys.platform != "linux":
        return None
    # Loaded before the fork: afterwards only what cannot take a lock may run.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(os.EX_UNAVAILABLE)  # it died before we were tied

    return tie
