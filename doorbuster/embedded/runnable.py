"""The Postgres programs where a user can start them who may not walk to where they are installed.

Root's home is mostly closed, and a virtual environment in it is too. No folder of the user's is
ever opened for that: 18 MB are copied, once, to where a system keeps what can be made again.
"""

import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final

from doorbuster.embedded.places import is_open_to_all
from doorbuster.faults import MissingServer

CACHE: Final = Path("/var/cache/doorbuster")
_PROGRAMS: Final = ("postgres", "initdb")
# What only those need who compile against it.
_LEFT_OUT: Final = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs", "doc")


def runnable_by_all(programs: Path) -> Path:
    """Return the folder of the programs, or one with copies of them that any user can start.

    Raises MissingServer where a copy is needed and cannot be made.
    """
    if is_open_to_all(programs / "postgres"):
        return programs
    copy = CACHE / f"postgres-{_fingerprint(programs / 'postgres')}"
    try:
        if not copy.exists():
            _copy(programs.parent, copy)
    except OSError as error:
        raise MissingServer(
            f"Postgres runs as an ordinary user, to whom {programs} is closed, "
            f"and {CACHE} cannot hold a copy: {error.strerror}"
        ) from error
    return _place(programs.parent, copy) / "bin"


def _copy(installation: Path, copy: Path) -> None:
    """Copy under another name and rename: a copy that was interrupted is never used."""
    draft = copy.with_suffix(f".{os.getpid()}")
    place = _place(installation, draft)
    (place / "bin").mkdir(parents=True)
    for program in _PROGRAMS:
        shutil.copy2(installation / "bin" / program, place / "bin")
    for folder in ("share", "lib"):
        shutil.copytree(installation / folder, place / folder, ignore=_LEFT_OUT)
    # What a wheel brings from its build machine lies beside the package, and is found from the
    # programs by a relative path.
    libraries = installation.parent.with_suffix(".libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    _open_to_all(draft)
    draft.rename(copy)


def _place(installation: Path, copy: Path) -> Path:
    """The last two folders keep their names, and so the relative paths between them hold."""
    return copy / installation.parent.name / installation.name


def _open_to_all(copy: Path) -> None:
    """Whatever the umask was: of the installation, or of this process."""
    for path in (copy.parent, copy, *copy.rglob("*")):
        path.chmod(0o755)


def _fingerprint(program: Path) -> str:
    status = program.stat()
    identity = f"{program} {status.st_size} {status.st_mtime_ns}"
    return sha256(identity.encode()).hexdigest()[:16]
