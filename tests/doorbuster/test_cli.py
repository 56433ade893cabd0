"""The command line: quick, and a mistake is one line."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from doorbuster.cli import COMMANDS, command_line
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
    shown = CliRunner().invoke(command_line(command), [*command, "--help"])
    assert shown.exit_code == 0
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


def test_migrate_tells_what_it_applied_and_that_there_is_no_more(empty_url: str) -> None:
    first = said("migrate", "--json", DOORBUSTER_DATABASE_URL=empty_url)
    assert '"0001 ledger"' in first.stdout
    second = said("migrate", DOORBUSTER_DATABASE_URL=empty_url)
    assert second.stdout == "nothing to do: the schema is the newest\n"


def test_a_database_that_is_away_is_one_line() -> None:
    shown = said("migrate", DOORBUSTER_DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert shown.returncode == 1
    assert shown.stderr.startswith("doorbuster: Postgres does not let us in: ")
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["sale", "close", "friday"], "Close friday for good?"),
        (["key", "revoke", "till"], "Revoke till?"),
        (["parked", "discard", "7", "--reason", "broken"], "Discard 7?"),
    ],
)
def test_at_a_terminal_harm_is_asked_about_first(words: list[str], question: str) -> None:
    master, slave = pty.openpty()
    os.write(master, b"n\n")
    shown = subprocess.run(
        [sys.executable, "-m", "doorbuster", *words],
        env=inherited(),
        cwd="/",
        stdin=slave,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(master)
    os.close(slave)
    assert shown.returncode == 1
    assert question in shown.stdout
    assert "Aborted" in shown.stderr
    # It was not even looked for servers.
    assert "DOORBUSTER" not in shown.stderr


def test_a_command_is_completed() -> None:
    words = {"COMP_WORDS": "doorbuster sale c", "COMP_CWORD": "2"}
    shown = said(_DOORBUSTER_COMPLETE="complete_bash", **words)
    assert shown.stdout.split() == ["create", "change", "close"]
