"""Files that hold a secret: for their owner alone, and always whole."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write the file with mode 0600 in one step: a reader never sees a part of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
