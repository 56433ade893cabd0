"""requirements.txt pins everything with hashes, and says nothing of where it was made."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PINNED = re.compile(r"(?P<name>[a-z0-9._-]+)(\[[a-z,]+\])?==(?P<version>[^ ]+)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


@pytest.fixture
def lines() -> list[str]:
    return (PROJECT / "requirements.txt").read_text().splitlines()


def test_each_line_is_a_pinned_package_or_a_hash(lines: list[str]) -> None:
    assert [line for line in lines if not PINNED.fullmatch(line) and not HASH.fullmatch(line)] == []


def test_every_package_that_the_project_names_is_there(lines: list[str]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["embedded"],
        *(each for each in project["dependency-groups"]["dev"] if isinstance(each, str)),
        *project["dependency-groups"]["build"],
    ]
    pinned = {match["name"] for line in lines if (match := PINNED.fullmatch(line))}
    assert {re.split(r"[^A-Za-z0-9._-]", name)[0].lower() for name in wanted} <= pinned


def test_python_before_3_11_3_gets_what_redis_py_needs_there(lines: list[str]) -> None:
    """A lock made by a newer Python alone leaves this out, and Debian 12 has 3.11.2."""
    assert any(
        line.startswith("async-timeout==") and "python_full_version < '3.11.3'" in line
        for line in lines
    )
