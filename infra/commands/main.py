"""The operator's command line: `fluximage COMMAND`. Each command has a file of its own.

A new command: a module here with a `command` (or a `group` for several verbs on one noun; a new
verb goes into its group's module), what it shares with others in options.py, its place in COMMANDS,
tests in tests/infra/commands/, and a line in docs/operations.md.
"""

import logging
import os
import signal
import sys
from importlib import import_module
from typing import Any, cast

import click

from shared.errors import FluximageError

COMMANDS = {
    "up": "command",
    "clear": "command",
    "migrate": "command",
    "check": "command",
    "probe": "command",
    "accounts": "group",
    "keys": "group",
}


class _Commands(click.Group):
    """Imports the module of the command that runs and no other: `probe` runs every few seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"infra.commands.{cmd_name}")
        return cast("click.Command", getattr(module, COMMANDS[cmd_name]))


@click.group(cls=_Commands)
@click.version_option(package_name="fluximage")
def cli() -> None:
    """Self-hosted image optimisation at volume."""
    logging.basicConfig(level=logging.WARNING, format="fluximage: %(message)s")
    # The first logs every retry, and the second what the commands say themselves.
    for chatty in ("urllib3", "shared.clients.object_store"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def main() -> None:
    """The entry point: an error is one line on standard error and exit code 1, misuse 2."""
    if os.getpid() == 1:
        # The kernel ignores a signal to the first process of a container unless it has a handler.
        signal.signal(signal.SIGTERM, _end)
    try:
        cli()
    except FluximageError as error:
        print(f"fluximage: {error.message}", file=sys.stderr)
        sys.exit(1)


def _end(number: int, _: Any) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
