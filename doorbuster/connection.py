"""connection.json: how the commands find the servers that `up` has started.

It holds two keys, so it is for its owner alone.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from doorbuster.faults import StateFolderFault
from doorbuster.private_file import write_private

FILE_NAME: Final = "connection.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where one `up` is, and the keys that it made."""

    url: str
    redis_url: str
    database_url: str
    admin_key: str
    settle_key: str


def write(connection: Connection, *, state_dir: Path) -> Path:
    """Write the file, and return its path."""
    path = state_dir / FILE_NAME
    write_private(path, json.dumps(asdict(connection), indent=2) + "\n")
    return path


def read(state_dir: Path) -> Connection | None:
    """Return what `up` has written, or None where it never ran.

    Raises StateFolderFault when the file cannot be read or is not of this version's shape.
    """
    path = state_dir / FILE_NAME
    with suppress(FileNotFoundError):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return Connection(
                **{field.name: str(values[field.name]) for field in fields(Connection)}
            )
        except PermissionError as error:
            raise StateFolderFault(f"{path} belongs to another user") from error
        except (ValueError, TypeError, KeyError) as error:
            raise StateFolderFault(f"{path} is damaged; `doorbuster up` writes it anew") from error
    return None
