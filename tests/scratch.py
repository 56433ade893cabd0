"""Where the servers of tests keep their files: in memory, where there is room for them.

What a test writes need not survive a power cut, and waiting for a disk is most of its time. What
measures or hurts the disk itself says so, and stays away from here.
"""

import shutil
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
# Each test process has a Postgres with a few databases at a time, and servers of single tests.
_ROOM_BYTES: Final = 4 * 2**30


def _scratch() -> Path:
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES
    # Elsewhere a temporary folder's path may be too long for a socket's.
    return _MEMORY if roomy else Path("/tmp")


SCRATCH: Final = _scratch()
