"""Where a server can put its socket, and from where another user can start a program."""

import os
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from doorbuster.faults import StateFolderFault
from doorbuster.process import Account

# unix(7) has 108 bytes for a socket's path on Linux, macOS has 104; the last one is a zero.
LONGEST_SOCKET_PATH_BYTES: Final = 103
FORGOTTEN_SECONDS: Final = 24 * 60 * 60
# Not gettempdir(): macOS' TMPDIR alone takes half of the bytes.
_SHORT_FOLDER: Final = Path("/tmp")  # noqa: S108 (its owner and mode are checked below)


def socket_folder(directory: Path, *, socket_name: str, account: Account | None) -> Path:
    """Return a folder, made and private, in which a socket of that name can be reached.

    It is the server's own directory where that is short enough and open to the account, else a
    folder in /tmp named after the directory: the same each time, and another for each directory.
    Raises StateFolderFault where somebody else has taken that name.
    """
    short_enough = len(os.fsencode(directory / socket_name)) <= LONGEST_SOCKET_PATH_BYTES
    if short_enough and (account is None or is_open_to_all(directory.parent)):
        folder = directory
    else:
        folder = _own_short_folder() / sha256(os.fsencode(directory)).hexdigest()[:16]
    folder.mkdir(mode=0o700, exist_ok=True)
    os.utime(folder)
    give(folder, account)
    return folder


def is_open_to_all(path: Path) -> bool:
    """Whether any user can walk to the path, and into it or start it."""
    return all(step.stat().st_mode & 0o001 for step in (path, *path.parents))


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner."""
    if account:
        os.chown(path, account.user_id, account.group_id)


def _own_short_folder() -> Path:
    folder = _SHORT_FOLDER / f"doorbuster-{os.geteuid()}"
    folder.mkdir(mode=0o711, exist_ok=True)
    # /tmp is everybody's: a folder or link that another user put there first is not ours to use.
    if folder.is_symlink() or folder.lstat().st_uid != os.geteuid():
        raise StateFolderFault(f"{folder} belongs to another user; it is needed for sockets")
    _remove_forgotten(folder)
    return folder


def _remove_forgotten(folder: Path) -> None:
    """Remove empty folders of servers that have not been started for a while."""
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > FORGOTTEN_SECONDS:
            with suppress(OSError):  # a living server's folder is not empty
                old.rmdir()
