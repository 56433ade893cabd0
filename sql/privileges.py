"""Which privileges the statements of this package need, read from the statements themselves."""

import re
from importlib import resources
from typing import Final

from sql.migrate import migrations

_WRITES: Final = {
    "insert": re.compile(r"\binsert into (\w+)"),
    "update": re.compile(r"\bupdate (\w+)"),
    "delete": re.compile(r"\bdelete from (\w+)"),
}
_READS: Final = re.compile(r"\b(?:from|join|into|update) (\w+)")
_LOCKS: Final = re.compile(r"\bfor (?:update|no key update|share|key share)\b")
_COMMENT: Final = re.compile(r"--.*")


def needed_privileges() -> list[tuple[str, str]]:
    """Return each table with each privilege that some statement needs on it."""
    tables = _tables()
    needed = {pair for text in _statements() for pair in privileges_in(text)}
    return sorted((table, privilege) for table, privilege in needed if table in tables)


def privileges_in(text: str) -> set[tuple[str, str]]:
    """Return what one statement needs; names that it makes itself (`with`) are among them."""
    read = set(_READS.findall(text))
    needed = {(table, "select") for table in read}
    for privilege, pattern in _WRITES.items():
        needed |= {(table, privilege) for table in pattern.findall(text)}
    if "on conflict" in text and "do update" in text:
        needed |= {(table, "update") for table in _WRITES["insert"].findall(text)}
    if _LOCKS.search(text):
        needed |= {(table, "update") for table in read}
    return needed


def _statements() -> list[str]:
    files = (resources.files("sql") / "statements").iterdir()
    return [_COMMENT.sub("", file.read_text()) for file in files if file.name.endswith(".sql")]


def _tables() -> set[str]:
    created = re.compile(r"^create table (\w+)", re.MULTILINE)
    return {name for each in migrations() for name in created.findall(each.text)}
