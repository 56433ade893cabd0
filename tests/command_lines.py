"""Command lines as documents show them, held against the commands that there are."""

import re
import shlex
from functools import cache
from typing import Any

import typer
from documents import PROJECT

from doorbuster.cli import command_line

TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def check_doorbuster(line: str) -> None:
    """Fail unless `doorbuster ...` is a whole command that would be run as it stands."""
    name, command, rest = _resolve(shlex.split(line)[1:])
    assert not hasattr(command, "commands"), f"{line!r} is a group and no command"
    command.make_context(name, rest)  # parses the rest, and runs nothing


def check_mention(text: str) -> None:
    """Fail unless `doorbuster ...` names a command, or a group, and options that it has."""
    _, command, rest = _resolve(shlex.split(text)[1:])
    options = {option for parameter in command.params for option in parameter.opts}
    for word in rest:
        assert not word.startswith("-") or word in options | {"--help"}, f"{text!r}: {word}"


def check_make(line: str) -> None:
    """Fail unless each target of `make ...` exists."""
    targets = set(TARGET.findall((PROJECT / "Makefile").read_text()))
    for word in shlex.split(line)[1:]:
        assert "=" in word or word in targets, f"{line!r}: make has no target {word}"


def groups() -> dict[str, set[str]]:
    """The commands that have commands of their own, with their names."""
    every = _everything().commands
    return {name: set(each.commands) for name, each in every.items() if hasattr(each, "commands")}


def options() -> set[str]:
    """Every option of every command, in all its spellings."""
    return {"--help"} | {
        spelling
        for command in _leaves(_everything())
        for parameter in command.params
        for spelling in (*parameter.opts, *parameter.secondary_opts)
    }


def _leaves(command: Any) -> list[Any]:
    below = getattr(command, "commands", {}).values()
    return [leaf for each in below for leaf in _leaves(each)] if below else [command]


@cache
def _everything() -> Any:
    return typer.main.get_command(command_line([]))


def _resolve(words: list[str]) -> tuple[str, Any, list[str]]:
    name = "doorbuster"
    command = _everything()
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name, *words = words
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    return name, command, words
