"""The operator's command line: `fluximage COMMAND`. Each command has a file of its own.

A new command: a module here with a `command` (or a `group` for several verbs on one noun; a new
verb goes into its group's module), what it shares with others in options.py, its place in COMMANDS,
tests in tests/infra/commands/, and a line in docs/operations.md.
"""

import logging
import sys

import click

from infra.commands import accounts, check, clear, keys, migrate, up
from shared.errors import FluximageError

COMMANDS = (up.command, clear.command, migrate.command, check.command, accounts.group, keys.group)


@click.group(commands=COMMANDS)
@click.version_option(package_name="fluximage")
def cli() -> None:
    """Self-hosted image optimisation at volume."""
    logging.basicConfig(level=logging.WARNING, format="fluximage: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it logs a warning for every retry


def main() -> None:
    """The entry point: an error is one line on standard error and exit code 1, misuse 2."""
    try:
        cli()
    except FluximageError as error:
        print(f"fluximage: {error.message}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
