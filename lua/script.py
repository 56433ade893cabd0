"""Loads the Lua scripts that lie beside this module."""

import hashlib
from dataclasses import dataclass
from importlib import resources

_INCLUDE = "--@include "


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script with its includes in place, and the SHA-1 that EVALSHA calls it by."""

    name: str
    source: str
    sha: str


def load(name: str) -> Script:
    """The script `scripts/<name>.lua`."""
    source = "\n".join(_expand(_read(f"scripts/{name}.lua")))
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    return Script(name=name, source=source, sha=sha)


def _expand(source: str) -> list[str]:
    return [_included(line) for line in source.splitlines()]


def _included(line: str) -> str:
    if not line.startswith(_INCLUDE):
        return line
    return _read(f"include/{line.removeprefix(_INCLUDE)}.lua")


def _read(path: str) -> str:
    return (resources.files("lua") / path).read_text()
