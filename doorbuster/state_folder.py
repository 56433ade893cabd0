"""The folder in which one `up` keeps everything that outlives it."""

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from doorbuster.faults import StateFolderFault
from doorbuster.private_file import write_private

LOCK_FILE: Final = "up.lock"
KEY_BYTES: Final = 48  # enough for HS384 too; HS512 wants 64 characters, and these encode to 64


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """Make the folder for its owner alone, and hold it; the kernel lets go of it when we die.

    Raises StateFolderFault where it cannot be written, or another `up` works in it.
    """
    absolute = folder.absolute()
    try:
        absolute.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (absolute / LOCK_FILE).open("a+", encoding="ascii")
    except OSError as error:
        raise StateFolderFault(
            f"cannot write to {absolute}: {error.strerror}; choose another with --state-dir"
        ) from error
    with lock:
        _lock(lock.fileno(), absolute)
        yield absolute


def secret_in(file: Path) -> str:
    """Return the secret in the file, made at the first call and kept since."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(KEY_BYTES) + "\n")
    return file.read_text(encoding="utf-8").strip()


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise StateFolderFault(
            f"another `doorbuster up` works in {folder}; choose another with --state-dir"
        ) from error
