"""docs/evidence.md: each section is written by the command that made its counts."""

import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "evidence.md"


def write_section(title: str, command: str, lines: Sequence[str]) -> None:
    """Replace a section of the page, or add it, with the day and the versions it was made with."""
    made = datetime.now(UTC).strftime("%Y-%m-%d")
    head = f"Made on {made} by `{command}`, Python {platform.python_version()}."
    section = "\n".join([f"## {title}", "", head, "", *lines, ""])
    text = PAGE.read_text()
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        PAGE.write_text(f"{text.rstrip()}\n\n{section}")
        return
    rest = text[found.end() :]
    PAGE.write_text(text[: found.start()] + section + ("\n" if rest else "") + rest)
