"""The command line: quick, and a mistake is one line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from doorbuster.cli import COMMANDS
from doorbuster.python_child import inherited


def said(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, with no settings but those given."""
    return subprocess.run(
        [sys.executable, "-m", "doorbuster", *arguments],
        env=inherited() | environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_every_command_has_help(command: list[str]) -> None:
    shown = said(*command, "--help")
    assert shown.returncode == 0
    assert "Usage" in shown.stdout


def test_help_imports_nothing_heavy() -> None:
    script = """
import sys
from doorbuster.cli import command_line
command_line(["--help"])
print(sorted({"asyncpg", "redis", "starlette", "uvicorn", "pydantic_settings"} & set(sys.modules)))
"""
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["gateway", "reconciler", "migrate"])
def test_without_servers_a_command_says_what_is_missing(command: str, tmp_path: Path) -> None:
    shown = said(command, DOORBUSTER_STATE_DIR=str(tmp_path))
    assert shown.returncode == 1
    assert re.fullmatch(
        rf"doorbuster: DOORBUSTER_\w+_URL is not set, and no `doorbuster up` .* {tmp_path}\n",
        shown.stderr,
    )


def test_a_gateway_without_a_key_does_not_start() -> None:
    shown = said(
        "gateway",
        DOORBUSTER_REDIS_URL="redis://127.0.0.1:1",
        DOORBUSTER_DATABASE_URL="postgresql://127.0.0.1:1/x",
    )
    assert shown.returncode == 2
    assert "DOORBUSTER_TOKEN_KEY" in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_migrate_tells_what_it_applied_and_that_there_is_no_more(postgres_url: str) -> None:
    first = said("migrate", "--json", DOORBUSTER_DATABASE_URL=postgres_url)
    assert '"0001 ledger"' in first.stdout
    second = said("migrate", DOORBUSTER_DATABASE_URL=postgres_url)
    assert second.stdout == "nothing to do: the schema is the newest\n"


def test_a_database_that_is_away_is_one_line() -> None:
    shown = said("migrate", DOORBUSTER_DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert shown.returncode == 1
    assert shown.stderr.startswith("doorbuster: Postgres does not let us in: ")
    assert len(shown.stderr.splitlines()) == 1
