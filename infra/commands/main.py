"""The command line of the full install: the client's commands and the operator's.

A new command of the operator: a module here with a `command` (or a `group` for several verbs on one
noun; a new verb goes into its group's module), what it shares with others in options.py, its place
in SECTIONS, tests in tests/infra/commands/, and a line in docs/operations.md. The docstring of
fluximage.command.main says how one of the client's is added.
"""

import logging
import os
import signal
import sys
from typing import Any

import click

from fluximage.command.group import CLIENT_COMMANDS, LazyGroup
from shared.errors import FluximageError

# The operator's `check` is the client's when it gets a PATH, and stands once in the help.
SHARED = ("check",)
SECTIONS = {
    "Images, on any server": {
        name: place for name, place in CLIENT_COMMANDS.items() if name not in SHARED
    },
    "A server": {
        "up": "infra.commands.up:command",
        "clear": "infra.commands.clear:command",
        "migrate": "infra.commands.migrate:command",
        "check": "infra.commands.check:command",
        "probe": "infra.commands.probe:command",
    },
    "Its accounts": {
        "accounts": "infra.commands.accounts:group",
        "keys": "infra.commands.keys:group",
    },
}


@click.group(cls=LazyGroup, sections=SECTIONS)
@click.version_option(package_name="fluximage")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Self-hosted image optimisation at volume."""
    ctx.obj = "infra.local.engine:LocalEngine"  # for `compress --local`, imported when it is used
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
