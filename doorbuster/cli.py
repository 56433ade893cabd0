"""The command line. Only the command that was called is imported: nobody waits for the others."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Final

import typer

from doorbuster.faults import Fault

# In the order of --help: where the function, or the typer.Typer with several, is.
COMMANDS: Final = {
    "up": ("doorbuster.commands.up", "up"),
    "gateway": ("doorbuster.commands.gateway", "gateway"),
    "reconciler": ("doorbuster.commands.reconciler", "reconciler"),
    "migrate": ("doorbuster.commands.migrate", "migrate"),
    "product": ("doorbuster.commands.product", "app"),
    "sale": ("doorbuster.commands.sale", "app"),
    "reservation": ("doorbuster.commands.reservation", "app"),
    "key": ("doorbuster.commands.key", "app"),
    "token": ("doorbuster.commands.token", "token"),
    "acts": ("doorbuster.commands.acts", "acts"),
    "audit": ("doorbuster.commands.audit", "audit"),
    "alarm": ("doorbuster.commands.alarm", "app"),
    "parked": ("doorbuster.commands.parked", "app"),
    "doctor": ("doorbuster.commands.doctor", "doctor"),
    "mend": ("doorbuster.commands.mend", "mend"),
    "rebuild": ("doorbuster.commands.rebuild", "rebuild"),
    "rush": ("doorbuster.commands.rush", "rush"),
}


# What is imported stays: looking through it after every 700 objects costs a fifth of a start.
OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000


def main() -> None:
    """Run a command. A user's mistake ends in one line for each fault, and in no traceback."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        command_line(sys.argv[1:])(prog_name="doorbuster")
    except Fault as fault:
        for line in str(fault).splitlines():
            typer.echo(f"doorbuster: {line}", err=True)
        sys.exit(fault.exit_code)


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """Return the command that the arguments call, or all of them where they call none."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_doorbuster)
    called = next((word for word in arguments if not word.startswith("-")), None)
    for name in [called] if called in COMMANDS else COMMANDS:
        _add(app, name)
    return app


def _add(app: typer.Typer, name: str) -> None:
    module, attribute = COMMANDS[name]
    command = getattr(import_module(module), attribute)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"doorbuster {version('doorbuster')}")
        raise typer.Exit


def _doorbuster(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """A reservation gateway for flash sales: Redis admits, Postgres remembers."""
